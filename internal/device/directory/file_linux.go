package directory

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
)

// Directory is the development account file. It is looked at anew for each
// look-up, and read anew when it is another file than before or was written to,
// as OpenDirectory keeps what has not changed.
type Directory struct {
	path string

	mu    sync.Mutex
	read  syscall.Stat_t // of the file when it was read
	known *devaccounts.File
}

// Open takes the path of the account file.
func Open(path string) (*Directory, error) {
	d := &Directory{path: path}
	if _, err := d.file(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Directory) file() (*devaccounts.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var now syscall.Stat_t
	// Before it is read: what is written in between is then read once more.
	if err := syscall.Lstat(d.path, &now); err == nil && d.known != nil && unchanged(d.read, now) {
		return d.known, nil
	}
	file, err := devaccounts.Load(d.path)
	if err != nil {
		d.known = nil
		return nil, fmt.Errorf("read the account file: %w", err)
	}
	d.known, d.read = file, now
	return file, nil
}

// unchanged compares all that a write or a change of owner or mode would have
// changed.
func unchanged(a, b syscall.Stat_t) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Size == b.Size && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}

// Lookup finds an account by its uid.
func (d *Directory) Lookup(_ context.Context, uid uint32) (factor.Account, error) {
	file, err := d.file()
	if err != nil {
		return factor.Account{}, err
	}
	a, ok := file.ByUID(uid)
	if !ok {
		return factor.Account{}, fmt.Errorf("uid %d: %w", uid, ErrUnknown)
	}
	return factor.Account{GUID: a.GUID, Name: a.Name, FullName: a.FullName, UID: a.UID}, nil
}

// Named finds an account by its short name, in its exact spelling.
func (d *Directory) Named(_ context.Context, name string) (factor.Account, error) {
	file, err := d.file()
	if err != nil {
		return factor.Account{}, err
	}
	for _, a := range file.All() {
		if a.Name == name {
			return factor.Account{GUID: a.GUID, Name: a.Name, FullName: a.FullName, UID: a.UID}, nil
		}
	}
	return factor.Account{}, fmt.Errorf("account %q: %w", name, ErrUnknown)
}
