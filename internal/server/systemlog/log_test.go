package systemlog_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func epoch() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

// filled is a log of n events, one a minute.
func filled(t *testing.T, n int) (*store.DB, *systemlog.Log) {
	t.Helper()
	db := storetest.Open(t)
	at := epoch()
	log := systemlog.New([]byte("key"), func() time.Time { return at })
	for i := range n {
		at = epoch().Add(time.Duration(i) * time.Minute)
		e := systemlog.Event{Type: fmt.Sprintf("type.%d", i%2), Message: fmt.Sprintf("Event <%d> & Ünï", i),
			Actor: systemlog.System(), Detail: map[string]string{"n": fmt.Sprint(i)}}
		if err := db.Update(t.Context(), func(tx *sql.Tx) error { return log.Append(t.Context(), tx, e) }); err != nil {
			t.Fatal(err)
		}
	}
	return db, log
}

func verify(t *testing.T, db *store.DB, log *systemlog.Log) (v systemlog.Verdict) {
	t.Helper()
	err := db.View(t.Context(), func(tx *sql.Tx) (err error) { v, err = log.Verify(t.Context(), tx); return err })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestChainShowsEveryKindOfTampering(t *testing.T) {
	for name, c := range map[string]struct {
		sql string
		bad uint64
	}{
		"untouched":                   {`SELECT 1`, 0},
		"a body changed":              {`UPDATE events SET body = replace(body, 'Event <3>', 'Event <9>') WHERE seq = 4`, 4},
		"a type changed":              {`UPDATE events SET type = 'x' WHERE seq = 2`, 2},
		"a severity changed":          {`UPDATE events SET severity = 'WARN' WHERE seq = 2`, 2},
		"an outcome changed":          {`UPDATE events SET outcome = 'DENY' WHERE seq = 2`, 2},
		"an actor changed":            {`UPDATE events SET actor_id = 'x' WHERE seq = 2`, 2},
		"a time changed":              {`UPDATE events SET published = published + 1 WHERE seq = 5`, 5},
		"an id changed":               {`UPDATE events SET id = 'x' WHERE seq = 5`, 5},
		"the first removed":           {`DELETE FROM events WHERE seq = 1`, 2},
		"one removed":                 {`DELETE FROM events WHERE seq = 3`, 4},
		"one removed and the gap hid": {`DELETE FROM events WHERE seq = 3; UPDATE events SET seq = seq - 1 WHERE seq > 3`, 3},
		"a hash changed":              {`UPDATE events SET hash = 'ff' WHERE seq = 6`, 6},
	} {
		t.Run(name, func(t *testing.T) {
			db, log := filled(t, 6)
			if err := db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(c.sql); return err }); err != nil {
				t.Fatal(err)
			}
			v := verify(t, db, log)
			if v.OK != (c.bad == 0) || v.BadSeq != c.bad {
				t.Fatalf("verdict %+v, want the first bad entry %d", v, c.bad)
			}
		})
	}
}

func TestCutEndShowsInTheHead(t *testing.T) {
	db, log := filled(t, 6)
	before := verify(t, db, log)
	_ = db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM events WHERE seq = 6`); return err })
	if after := verify(t, db, log); !after.OK || after.Head == before.Head || after.Events != 5 {
		t.Fatalf("before %+v after %+v", before, after)
	}
}

func TestAnotherKeyDoesNotVerify(t *testing.T) {
	db, _ := filled(t, 1)
	if v := verify(t, db, systemlog.New([]byte("other"), epoch)); v.OK {
		t.Fatal("a chain verified with a key that did not make it")
	}
}

func TestFind(t *testing.T) {
	db, log := filled(t, 10)
	find := func(q systemlog.Query) string {
		var seqs []string
		err := db.View(t.Context(), func(tx *sql.Tx) error {
			found, err := log.Find(t.Context(), tx, q)
			for _, e := range found {
				seqs = append(seqs, fmt.Sprint(e.Seq))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(seqs, " ")
	}
	for _, c := range []struct {
		name string
		q    systemlog.Query
		want string
	}{
		{"first page", systemlog.Query{Limit: 3}, "1 2 3"},
		{"next page", systemlog.Query{Limit: 3, After: 3}, "4 5 6"},
		{"newest", systemlog.Query{Limit: 2, Newest: true}, "10 9"},
		{"newest, next page", systemlog.Query{Limit: 2, Newest: true, After: 9}, "8 7"},
		{"a range of time", systemlog.Query{Limit: 9, Since: epoch().Add(2 * time.Minute), Until: epoch().Add(4 * time.Minute)}, "3 4"},
		{"a type", systemlog.Query{Limit: 9, Type: "type.1"}, "2 4 6 8 10"},
		{"a word", systemlog.Query{Limit: 9, Words: []string{"<7> &"}}, "8"},
		{"a word is no pattern", systemlog.Query{Limit: 9, Words: []string{"event_<"}}, ""},
		{"an outcome", systemlog.Query{Limit: 9, Outcome: systemlog.Denied}, ""},
	} {
		if got := find(c.q); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
