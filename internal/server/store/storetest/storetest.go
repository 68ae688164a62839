// Package storetest gives tests databases whose migrations ran already, once
// for all of a test program: each is a copy of the same empty one.
//
// It must never be imported by anything but tests, and holds no data of any.
package storetest

import (
	"context"
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

// Path is a database of the test's own, in a folder that goes with it.
func Path(t testing.TB) string {
	t.Helper()
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
	db, err := store.Open(context.Background(), Path(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
