// Package storetest gives tests databases whose migrations ran already, once
// for all of a test program: each is a copy of the same empty one. They are SQLite
// files, or databases of a PostgreSQL server of the test program's own with
// LATCHKEY_TEST_DATABASE=postgres in the environment.
//
// It must never be imported by anything but tests, and holds no data of any.
package storetest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// migrated is an empty database as store.Open leaves it behind.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "latchkey-storetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	db, err := store.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// OnServer reports whether the tests run on PostgreSQL.
func OnServer() bool { return os.Getenv("LATCHKEY_TEST_DATABASE") == "postgres" }

// OnlySQLite skips a test of what PostgreSQL does not have.
func OnlySQLite(t testing.TB, why string) {
	t.Helper()
	if OnServer() {
		t.Skip("on SQLite only: " + why)
	}
}

// Where is a database of the test's own, as store.Open takes it: a path in a
// folder that goes with the test, or a URL.
func Where(t testing.TB) string {
	t.Helper()
	if OnServer() {
		return Postgres(t).Database(t)
	}
	path := filepath.Join(t.TempDir(), "latchkey.db")
	raw, err := migrated()
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Open opens such a database, and closes it with the test.
func Open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), Where(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Tables are the names of the tables with data of Latchkey, sorted.
func Tables(tx *sql.Tx) ([]string, error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version' ORDER BY name`
	if OnServer() {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'goose_db_version' ORDER BY 1`
	}
	return store.All(context.Background(), tx, func(s store.Scanner) (name string, err error) { return name, s.Scan(&name) }, query)
}

// Refuses makes each insert into the table fail with what it says.
func Refuses(tx *sql.Tx, table, says string) error {
	statement := `CREATE TRIGGER refuses BEFORE INSERT ON ` + table + ` BEGIN SELECT RAISE(ABORT, '` + says + `'); END`
	if OnServer() {
		statement = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''` + says + `''; END';
			CREATE TRIGGER refuses BEFORE INSERT ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION refuse()`
	}
	_, err := tx.Exec(statement)
	return err
}
