// Package storetest is a real store in a test's own folder, whose writes can be
// made to fail. It must never be imported by what ships.
package storetest

import (
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

// Store is a store with a switch.
type Store struct {
	*store.Store
	Fail error // what Write returns instead of writing, when it is not nil
}

// New is an open store, closed when the test ends.
func New(t testing.TB) *Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: t.TempDir(), Hardware: "mac", Key: make([]byte, store.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &Store{Store: s}
}

// Write fails with Fail, or writes.
func (s *Store) Write(changes map[string][]byte) error {
	if s.Fail != nil {
		return s.Fail
	}
	return s.Store.Write(changes)
}
