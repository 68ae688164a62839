package loginright

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/places"
)

// ByHandName is the file of root's, beside the gate file, that says that this Mac
// was disarmed by hand (`latchkey login-right disarm`).
const ByHandName = "disarmed"

// Installed is the plug-in where macOS looks for it. own is the program that
// runs, whose signature says who may have signed the plug-in.
func Installed(own string) Bundle {
	owners := []uint32{0}
	if uid := uint32(os.Geteuid()); uid != 0 {
		owners = append(owners, uid)
	}
	return Bundle{Dir: filepath.Join(places.Plugins, BundleName), Owners: owners, Architectures: []string{"arm64", "amd64"}, Signature: Codesign{Own: own}}
}

// OnThisMac is the keeper of this Mac's login right.
func OnThisMac(own, lock, system string, proofs Proofs, now func() time.Duration) *Keeper {
	authd, bundle := Authd{}, Installed(own)
	return &Keeper{
		Editor: Editor{Database: authd, Lock: FileLock(lock, PatienceOfDaemon)}, Look: bundle.Look, Verify: bundle.Verify,
		Rehearse: func(ctx context.Context) error { return Rehearse(ctx, authd) },
		Proofs:   proofs, System: system, Now: now,
	}
}
