package directory

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/ebitengine/purego"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/macos"
)

// Bounds of a look-up. An account of the network may be slow to find, and a
// login waits.
const (
	lookLimit = 10 * time.Second
	lookUps   = 8
)

// Directory asks the system: getpwuid for the first RecordName, mbr_uid_to_uuid
// (membership.h) for the GeneratedUID, both of which ask opendirectoryd, and
// OpenDirectory itself for what a login does not need.
type Directory struct {
	uuidOf  func(uid uint32, uuid *[16]byte) int32
	calls   *macos.Calls
	records *macos.OpenDirectory
	without error // why there are no records
}

// Open binds the system's functions. path is not used: it is the account file
// of machines that are not Macs.
func Open(string) (*Directory, error) {
	lib, err := purego.Dlopen("/usr/lib/libSystem.B.dylib", purego.RTLD_NOW)
	if err != nil {
		return nil, fmt.Errorf("open libSystem: %w", err)
	}
	at, err := purego.Dlsym(lib, "mbr_uid_to_uuid")
	if err != nil {
		return nil, fmt.Errorf("libSystem has no mbr_uid_to_uuid: %w", err)
	}
	d := &Directory{calls: macos.NewCalls(lookUps, lookLimit)}
	// No login needs the records: without them the daemon starts all the same.
	d.records, d.without = macos.NewOpenDirectory()
	purego.RegisterFunc(&d.uuidOf, at)
	return d, nil
}

// Lookup finds an account by its uid. The error wraps ErrUnknown where there is
// none, and macos.ErrHung where the directory does not answer.
func (d *Directory) Lookup(ctx context.Context, uid uint32) (factor.Account, error) {
	return macos.Do(ctx, d.calls, fmt.Sprintf("look for uid %d", uid), func() (factor.Account, error) {
		u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
		if err != nil {
			return factor.Account{}, fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		return d.account(u)
	})
}

// Named finds an account by its short name, in its exact spelling.
func (d *Directory) Named(ctx context.Context, name string) (factor.Account, error) {
	if err := macos.CheckShortName(name); err != nil {
		return factor.Account{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return macos.Do(ctx, d.calls, fmt.Sprintf("look for account %q", name), func() (factor.Account, error) {
		u, err := user.Lookup(name)
		if err != nil || u.Username != name {
			return factor.Account{}, ErrUnknown
		}
		return d.account(u)
	})
}

// SecureToken says whether the account may unlock the disk.
func (d *Directory) SecureToken(ctx context.Context, uid uint32) (bool, error) {
	if d.without != nil {
		return false, d.without
	}
	u, err := d.records.ByUID(ctx, uid)
	if errors.Is(err, macos.ErrNoUser) {
		return false, fmt.Errorf("uid %d: %w", uid, ErrUnknown)
	}
	return u.SecureToken, err
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
