package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Errors a caller decides by.
var (
	// ErrInUse: another daemon holds the store.
	ErrInUse = errors.New("the store is in use by another process")
	// ErrUnreadable: the file is no store, is damaged, or belongs to other
	// hardware or another key.
	ErrUnreadable = errors.New("the store cannot be read")
)

const (
	fileName    = "store.db"
	ballastName = "ballast"
	ballastSize = 4 << 20
	format      = "1"
	maxValue    = 1 << 20
)

var (
	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
	metaFormat    = []byte("format")
	metaHardware  = []byte("hardware")
)

// Options say where the store is and what it is bound to.
type Options struct {
	Dir      string // mode 0700, made if it is missing
	Hardware string // the hardware UUID; a store of another Mac is refused
	Key      []byte // 32 bytes that seal every record
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	db   *bolt.DB
	dir  string
	seal sealer

	mu sync.Mutex // one writer, so that the ballast is given up once
}

// Open opens or makes the store. The error wraps ErrInUse or ErrUnreadable
// where the caller can do something about it.
func Open(o Options) (*Store, error) {
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	db, err := openFile(filepath.Join(o.Dir, fileName))
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dir: o.Dir, seal: seal}
	if err := s.ready(o.Hardware); err != nil {
		db.Close()
		return nil, err
	}
	// A store without ballast still works: the disk may be nearly full now.
	_ = s.layBallast()
	return s, nil
}

// ready checks that the store is whole and ours, and makes a new one ready.
func (s *Store) ready(hardware string) error {
	if err := s.checkBinding(hardware); err != nil {
		return err
	}
	if err := s.verify(); err != nil {
		return err
	}
	// A full disk must not keep the daemon from starting either.
	return s.orWithoutBallast(func() error { return s.prepare(hardware) })
}

func openFile(path string) (*bolt.DB, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFile(path); err != nil {
			return nil, err
		}
	}
	if err := refuseEmpty(path); err != nil {
		return nil, err
	}
	return lockFile(path)
}

// makeFile gives a new store its name when it is whole, so that an empty file
// of that name is always a damaged store.
func makeFile(path string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".store-")
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	temp.Close()
	defer os.Remove(temp.Name())
	db, err := lockFile(temp.Name())
	if err != nil {
		return err
	}
	defer db.Close()
	// Not by rename: another daemon's store must not be replaced.
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}

func lockFile(path string) (db *bolt.DB, err error) {
	defer unreadableOnPanic(&err)
	defer faultsArePanics()()
	// A daemon that was killed leaves no lock: a lock that lasts is another
	// daemon's.
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: 2 * time.Second})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open %s: %w", path, ErrInUse)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EIO):
		return nil, fmt.Errorf("open %s: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w: %w", path, ErrUnreadable, err)
	}
	return db, nil
}

// unreadableOnPanic turns bbolt's panics over a damaged file into an error.
func unreadableOnPanic(err *error) {
	if caught := recover(); caught != nil {
		*err = fmt.Errorf("%w: %v", ErrUnreadable, caught)
	}
}

// checkBinding looks at whose a store is before it looks at what is in it, so
// that another Mac's is called that and not damaged. A new file has no stamp.
func (s *Store) checkBinding(hardware string) (err error) {
	defer unreadableOnPanic(&err)
	defer faultsArePanics()()
	return s.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil || meta.Get(metaFormat) == nil {
			return nil
		}
		return s.checkStamp(meta, hardware)
	})
}

// prepare makes a new file ready.
func (s *Store) prepare(hardware string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(bucketMeta)
		if err != nil {
			return fmt.Errorf("prepare the store: %w", err)
		}
		records, err := tx.CreateBucketIfNotExists(bucketRecords)
		if err != nil {
			return fmt.Errorf("prepare the store: %w", err)
		}
		if meta.Get(metaFormat) != nil {
			return nil
		}
		if first, _ := records.Cursor().First(); first != nil {
			// Records are never written before the stamp.
			return fmt.Errorf("%w: it holds records and no stamp", ErrUnreadable)
		}
		return s.stamp(meta, hardware)
	})
}

func (s *Store) stamp(meta *bolt.Bucket, hardware string) error {
	sealed, err := s.seal.seal(string(metaHardware), []byte(hardware))
	if err != nil {
		return err
	}
	return errors.Join(meta.Put(metaHardware, sealed), meta.Put(metaFormat, []byte(format)))
}

func (s *Store) checkStamp(meta *bolt.Bucket, hardware string) error {
	if got := string(meta.Get(metaFormat)); got != format {
		return fmt.Errorf("%w: format %q, this version reads %q", ErrUnreadable, got, format)
	}
	bound, err := s.seal.open(string(metaHardware), meta.Get(metaHardware))
	if err != nil {
		return fmt.Errorf("%w: sealed with another key", ErrUnreadable)
	}
	if !bytes.Equal(bound, []byte(hardware)) {
		// A copied store would bring another Mac's secrets and lock-outs here.
		return fmt.Errorf("%w: it belongs to other hardware", ErrUnreadable)
	}
	return nil
}

// SetAside renames a store that cannot be read, so that the next Open makes a
// new one, and returns the new name. Nothing is deleted.
func SetAside(dir string, at time.Time) (string, error) {
	aside := filepath.Join(dir, fileName+".unreadable-"+at.UTC().Format("20060102T150405.000000000"))
	if err := os.Rename(filepath.Join(dir, fileName), aside); err != nil {
		return "", fmt.Errorf("set the store aside: %w", err)
	}
	return aside, nil
}

// Close ends all use of the store.
func (s *Store) Close() error { return s.db.Close() }

// Read is the record at key, or nil when there is none.
func (s *Store) Read(key string) ([]byte, error) {
	var value []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		sealed := tx.Bucket(bucketRecords).Get([]byte(key))
		if sealed == nil {
			return nil
		}
		var err error
		value, err = s.seal.open(key, sealed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", key, err)
	}
	return value, nil
}

// List is up to limit records whose key begins with prefix, in key order.
func (s *Store) List(prefix string, limit int) (keys []string, values [][]byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(bucketRecords).Cursor()
		for k, sealed := cursor.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)) && len(keys) < limit; k, sealed = cursor.Next() {
			value, err := s.seal.open(string(k), sealed)
			if err != nil {
				return fmt.Errorf("record %s: %w", k, err)
			}
			keys, values = append(keys, string(k)), append(values, value)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list records %s: %w", prefix, err)
	}
	return keys, values, nil
}

// Write puts all changes, or none, and returns when they are on the disk. A nil
// value removes the record. When the disk is full the ballast is given up.
func (s *Store) Write(changes map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orWithoutBallast(func() error { return s.write(changes) })
}

// orWithoutBallast does it, and once more in the room of the ballast when the
// disk is full.
func (s *Store) orWithoutBallast(do func() error) error {
	err := do()
	if errors.Is(err, syscall.ENOSPC) && os.Remove(filepath.Join(s.dir, ballastName)) == nil {
		err = do()
	}
	return err
}

func (s *Store) write(changes map[string][]byte) error {
	sealed := make(map[string][]byte, len(changes))
	for key, value := range changes {
		if value == nil {
			continue
		}
		if len(value) > maxValue {
			return fmt.Errorf("write record %s: %d bytes, at most %d", key, len(value), maxValue)
		}
		box, err := s.seal.seal(key, value)
		if err != nil {
			return fmt.Errorf("write record %s: %w", key, err)
		}
		sealed[key] = box
	}
	err := s.db.Update(func(tx *bolt.Tx) error { return apply(tx.Bucket(bucketRecords), changes, sealed) })
	if err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	return nil
}

func apply(records *bolt.Bucket, changes, sealed map[string][]byte) error {
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		box, put := sealed[key]
		if !put {
			if err := records.Delete([]byte(key)); err != nil {
				return err
			}
			continue
		}
		if err := records.Put([]byte(key), box); err != nil {
			return err
		}
	}
	return nil
}

// layBallast keeps 4 MiB that a full disk can have back.
func (s *Store) layBallast() error {
	path := filepath.Join(s.dir, ballastName)
	if info, err := os.Lstat(path); err == nil && info.Size() == ballastSize {
		return nil
	}
	// Random bytes would not be better: what counts is that blocks are taken.
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xa5}, ballastSize), 0o600); err != nil {
		os.Remove(path)
		return fmt.Errorf("lay the ballast: %w", err)
	}
	return nil
}
