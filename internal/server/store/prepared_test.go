package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// A statement that is kept prepared gives what it gave at first: while its rows
// are read, after one that failed, after the table changed, and after many others.
func TestStatementsThatAreKept(t *testing.T) {
	db := storetest.Open(t)
	const insert, list = `INSERT INTO org (name, value) VALUES ($1, $2)`, `SELECT name FROM org WHERE value = $1 ORDER BY name`
	names := func(tx *sql.Tx) (found []string) {
		found, err := store.All(t.Context(), tx, func(s store.Scanner) (n string, err error) { return n, s.Scan(&n) }, list, "x")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		for i := range 3 {
			if _, err := tx.Exec(insert, fmt.Sprint("n", i), "x"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.Query(list, "x")
		if err != nil {
			return err
		}
		for n := 0; rows.Next(); n++ {
			if !storetest.OnServer() && len(names(tx)) != 3 { // PostgreSQL reads one answer at a time
				t.Errorf("within row %d: %v", n, names(tx))
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if len(names(tx)) != 3 {
			t.Errorf("afterwards: %v", names(tx))
		}
		for i := range 300 {
			if _, err := tx.Exec(fmt.Sprintf(`UPDATE org SET value = 'x' WHERE name = 'n%d'`, i)); err != nil {
				return err
			}
		}
		if len(names(tx)) != 3 {
			t.Errorf("after many others: %v", names(tx))
		}
		_, err = tx.Exec(`ALTER TABLE org ADD COLUMN more TEXT`)
		if err == nil && len(names(tx)) != 3 {
			t.Errorf("after a change of the table: %v", names(tx))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	afterWhoWentAway(t, db, insert, names)
	if err := db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(insert, "n0", "x"); return err }); err == nil {
		t.Error("a name twice")
	}
	if err := db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(insert, "n4", "x"); return err }); err != nil {
		t.Errorf("after one that failed: %v", err)
	}
}

// afterWhoWentAway: a caller that goes in the middle leaves a statement that is
// as good as before.
func afterWhoWentAway(t *testing.T, db *store.DB, insert string, names func(tx *sql.Tx) []string) {
	t.Helper()
	gone, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 3 {
		err := db.Update(gone, func(tx *sql.Tx) error {
			cancel()
			_, err := tx.ExecContext(gone, insert, "n9", "x")
			return err
		})
		if err == nil {
			t.Error("written although the caller has gone")
		}
		if err := db.View(t.Context(), func(tx *sql.Tx) error {
			if len(names(tx)) != 3 {
				t.Errorf("after who went away: %v", names(tx))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
