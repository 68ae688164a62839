package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(query string, args ...any) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}
}

func TestOpenMakesAPrivateFileAndMigratesOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with spaces?", "latchkey.db")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	if err := db.Update(t.Context(), exec(`INSERT INTO org (name, value) VALUES ($1, $2)`, "a", "b")); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("database file: %v %v", info, err)
	}
	again := open(t, path)
	var value string
	err := again.View(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT value FROM org WHERE name = $1`, "a").Scan(&value)
	})
	if err != nil || value != "b" {
		t.Fatalf("after opening again: %q %v", value, err)
	}
}

func TestPragmasOnEveryConnection(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "latchkey.db"))
	for pragma, want := range map[string]string{"synchronous": "2", "foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "5000"} {
		for name, run := range map[string]func(context.Context, func(*sql.Tx) error) error{"update": db.Update, "view": db.View} {
			var got string
			err := run(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow("PRAGMA " + pragma).Scan(&got) })
			if err != nil || got != want {
				t.Errorf("%s of %s: %q %v, want %q", pragma, name, got, err, want)
			}
		}
	}
}

func TestViewCannotWriteAndUpdateRollsBack(t *testing.T) { both(t, viewCannotWrite) }

func viewCannotWrite(t *testing.T, where string) {
	db := open(t, where)
	insert := exec(`INSERT INTO org (name, value) VALUES ('x', 'y')`)
	if err := db.View(t.Context(), insert); err == nil {
		t.Fatal("a view wrote")
	}
	boom := errors.New("boom")
	err := db.Update(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert(tx), boom) })
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	var n int
	_ = db.View(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM org`).Scan(&n) })
	if n != 0 {
		t.Fatalf("%d rows stayed after an error", n)
	}
}

// Two processes share the file when the command line runs beside the server;
// placeholders out of order must reach their argument by number.
func TestReadThenWriteFromTwoHandles(t *testing.T) { both(t, readThenWrite) }

func readThenWrite(t *testing.T, where string) {
	a, b := open(t, where), open(t, where)
	if err := a.Update(t.Context(), exec(`INSERT INTO org (value, name) VALUES ($2, $1)`, "n", "")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, db := range []*store.DB{a, b, a, b} {
		wg.Go(func() {
			for range 10 {
				err := db.Update(t.Context(), func(tx *sql.Tx) error {
					var v string
					if err := tx.QueryRow(`SELECT value FROM org WHERE name = 'n'`).Scan(&v); err != nil {
						return err
					}
					_, err := tx.Exec(`UPDATE org SET value = $2 WHERE name = $1`, "n", v+"x")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var v string
	_ = a.View(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(`SELECT value FROM org WHERE name='n'`).Scan(&v) })
	if v != strings.Repeat("x", 40) {
		t.Fatalf("%d of 40 updates are left", len(v))
	}
}

func TestTimeAndPatternEncoding(t *testing.T) {
	at := time.Date(2026, 11, 24, 1, 2, 3, 456789000, time.UTC)
	us := store.Micros(at).(int64)
	if got := store.Time(sql.NullInt64{Int64: us, Valid: true}); !got.Equal(at) {
		t.Fatalf("%v became %v", at, got)
	}
	if store.Micros(time.Time{}) != nil || !store.Time(sql.NullInt64{}).IsZero() {
		t.Fatal("the zero time is not NULL")
	}
	if got := store.Contains(` 100%_A\ `); got != `%100\%\_a\\%` {
		t.Fatalf("pattern %q", got)
	}
	if a, b := store.NewID("x"), store.NewID("x"); a == b || len(a) != 18 {
		t.Fatalf("ids %q %q", a, b)
	}
}
