package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// refuseEmpty refuses a file without a byte: bbolt would take it for a new
// store, and what the old one knew of lock-outs and of the grace period would
// be forgotten without a word.
func refuseEmpty(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if info.Size() == 0 {
		return fmt.Errorf("open %s: %w: the file is empty", path, ErrUnreadable)
	}
	return nil
}

// faultsArePanics makes a look at a page that a damaged file does not have a
// panic of this goroutine, where it would end the process. The result puts
// things back.
func faultsArePanics() (restore func()) {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// verify goes through the whole file before anything rests on it. bbolt's own
// check runs in a goroutine of its own, where a fault ends the process: so it
// comes last, when every page has been looked at from here.
func (s *Store) verify() (err error) {
	defer unreadableOnPanic(&err)
	defer faultsArePanics()()
	return s.db.View(func(tx *bolt.Tx) error {
		if err := s.checkSize(tx); err != nil {
			return err
		}
		if err := tx.ForEach(s.checkBucket); err != nil {
			return err
		}
		var first error
		// Read to its end: the check must not outlive the transaction.
		for problem := range tx.Check() {
			if first == nil {
				first = fmt.Errorf("%w: %w", ErrUnreadable, problem)
			}
		}
		return first
	})
}

// checkSize finds a file that was cut short.
func (s *Store) checkSize(tx *bolt.Tx) error {
	info, err := os.Stat(s.db.Path())
	if err != nil {
		return fmt.Errorf("look at the store: %w", err)
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w: %d bytes of %d are there", ErrUnreadable, info.Size(), tx.Size())
	}
	return nil
}

// checkBucket opens the seal of every record, so that a damaged one is known
// now and not at the login that needs it. Each key is looked for as well: going
// through a bucket reads no key of the pages above its records, which may point
// outside of the file, and the way to a record compares them.
func (s *Store) checkBucket(name []byte, b *bolt.Bucket) error {
	way := b.Cursor()
	return b.ForEach(func(k, v []byte) error {
		if found, _ := way.Seek(k); !bytes.Equal(found, k) {
			return fmt.Errorf("%w: record %q is not found where it stands", ErrUnreadable, k)
		}
		if string(name) != string(bucketRecords) {
			return nil
		}
		if v == nil {
			return fmt.Errorf("%w: record %q is none", ErrUnreadable, k)
		}
		if _, err := s.seal.open(string(k), v); err != nil {
			return errors.Join(fmt.Errorf("%w: record %q", ErrUnreadable, k), err)
		}
		return nil
	})
}
