package systemlog_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func purge(t *testing.T, db *store.DB, log *systemlog.Log, before time.Time) (n int) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *sql.Tx) (err error) { n, err = log.Purge(t.Context(), tx, before); return err })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What is old goes, the rest verifies, and so does what comes after.
func TestPurgeKeepsTheChain(t *testing.T) {
	db, log := filled(t, 6) // one a minute
	if n := purge(t, db, log, epoch()); n != 0 {
		t.Errorf("%d removed, and none is old", n)
	}
	if n := purge(t, db, log, epoch().Add(3*time.Minute)); n != 3 {
		t.Errorf("%d removed, want 3", n)
	}
	v := verify(t, db, log)
	if !v.OK || v.Begins != 3 || v.Events != 4 { // three are left, and the one that tells of it
		t.Errorf("verdict %+v", v)
	}
	if n := purge(t, db, log, epoch().Add(time.Hour)); n != 3 {
		t.Errorf("%d removed, want all but the newest", n)
	}
	if v := verify(t, db, log); !v.OK || v.Begins != 6 || v.Events != 2 {
		t.Errorf("verdict %+v", v)
	}
}

// Who takes events out and says that it was the retention has no key to say it
// with.
func TestPurgeCannotBeFeigned(t *testing.T) {
	for name, query := range map[string]string{
		"without an anchor":           `DELETE FROM events WHERE seq <= 4; DELETE FROM log_anchor`,
		"with one of their own":       `DELETE FROM events WHERE seq <= 4; UPDATE log_anchor SET seq = 4, hash = (SELECT hash FROM events WHERE seq = 5)`,
		"with the one that was there": `DELETE FROM events WHERE seq <= 4`,
		"by changing the anchor":      `UPDATE log_anchor SET mac = 'ff'`,
	} {
		t.Run(name, func(t *testing.T) {
			db, log := filled(t, 6)
			purge(t, db, log, epoch().Add(2*time.Minute))
			if v := verify(t, db, log); !v.OK {
				t.Fatalf("before: %+v", v)
			}
			if err := db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(query); return err }); err != nil {
				t.Fatal(err)
			}
			if v := verify(t, db, log); v.OK {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}
