package directory

import (
	"context"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
)

// Directory is the development account file, read anew for each look-up as
// OpenDirectory would be.
type Directory struct{ path string }

// Open takes the path of the account file.
func Open(path string) (*Directory, error) {
	if _, err := devaccounts.Load(path); err != nil {
		return nil, fmt.Errorf("read the account file: %w", err)
	}
	return &Directory{path: path}, nil
}

// Lookup finds an account by its uid.
func (d *Directory) Lookup(_ context.Context, uid uint32) (factor.Account, error) {
	file, err := devaccounts.Load(d.path)
	if err != nil {
		return factor.Account{}, fmt.Errorf("read the account file: %w", err)
	}
	a, ok := file.ByUID(uid)
	if !ok {
		return factor.Account{}, fmt.Errorf("uid %d: %w", uid, ErrUnknown)
	}
	return factor.Account{GUID: a.GUID, Name: a.Name, FullName: a.FullName, UID: a.UID}, nil
}

// Named finds an account by its short name, in its exact spelling.
func (d *Directory) Named(_ context.Context, name string) (factor.Account, error) {
	file, err := devaccounts.Load(d.path)
	if err != nil {
		return factor.Account{}, fmt.Errorf("read the account file: %w", err)
	}
	for _, a := range file.All() {
		if a.Name == name {
			return factor.Account{GUID: a.GUID, Name: a.Name, FullName: a.FullName, UID: a.UID}, nil
		}
	}
	return factor.Account{}, fmt.Errorf("account %q: %w", name, ErrUnknown)
}
