package directory

import (
	"context"
	"fmt"
	"os/user"
	"strconv"

	"github.com/ebitengine/purego"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
)

// Directory asks the system: getpwuid for the first RecordName, and
// mbr_uid_to_uuid (membership.h) for the GeneratedUID.
type Directory struct {
	uuidOf func(uid uint32, uuid *[16]byte) int32
}

// Open binds the system's functions. path is not used: it is the account file
// of machines that are not Macs.
func Open(string) (*Directory, error) {
	lib, err := purego.Dlopen("/usr/lib/libSystem.B.dylib", purego.RTLD_NOW)
	if err != nil {
		return nil, fmt.Errorf("open libSystem: %w", err)
	}
	d := &Directory{}
	purego.RegisterLibFunc(&d.uuidOf, lib, "mbr_uid_to_uuid")
	return d, nil
}

// Lookup finds an account by its uid.
func (d *Directory) Lookup(_ context.Context, uid uint32) (factor.Account, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return factor.Account{}, fmt.Errorf("uid %d: %w: %w", uid, ErrUnknown, err)
	}
	return d.account(u)
}

// Named finds an account by its short name, in its exact spelling.
func (d *Directory) Named(_ context.Context, name string) (factor.Account, error) {
	u, err := user.Lookup(name)
	if err != nil || u.Username != name {
		return factor.Account{}, fmt.Errorf("account %q: %w", name, ErrUnknown)
	}
	return d.account(u)
}

func (d *Directory) account(u *user.User) (factor.Account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return factor.Account{}, fmt.Errorf("account %q: uid %q: %w", u.Username, u.Uid, err)
	}
	var id [16]byte
	if code := d.uuidOf(uint32(uid), &id); code != 0 {
		return factor.Account{}, fmt.Errorf("account %q: no GeneratedUID (error %d)", u.Username, code)
	}
	guid := fmt.Sprintf("%X-%X-%X-%X-%X", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
	return factor.Account{GUID: guid, Name: u.Username, FullName: u.Name, UID: uint32(uid)}, nil
}
