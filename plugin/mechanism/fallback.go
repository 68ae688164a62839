package mechanism

import (
	"fmt"
	"path/filepath"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The values of wire.GateFile.Unavailable.
const (
	unavailableAllow = "allow"
	unavailableDeny  = "deny"
)

// fallback is what decides while the daemon does not.
type fallback struct{ file wire.GateFile }

// readFallback fails where the file is missing or cannot be trusted; then
// nothing is known and the gate denies.
func readFallback(path string) (fallback, error) {
	var f fallback
	if err := readTrusted(path, &f.file); err != nil {
		return fallback{}, fmt.Errorf("read the gate file: %w", err)
	}
	if f.file.V != wire.Version {
		return fallback{}, fmt.Errorf("%s: version %d, want %d", path, f.file.V, wire.Version)
	}
	if f.file.Unavailable != unavailableAllow && f.file.Unavailable != unavailableDeny {
		return fallback{}, fmt.Errorf("%s: unavailable is %q, want %q or %q", path, f.file.Unavailable, unavailableAllow, unavailableDeny)
	}
	return f, nil
}

// exempt says that the account passes without a second factor.
func (f fallback) exempt(uid uint32) bool {
	for _, account := range f.file.Exempt {
		// root is never exempt (design §4); 0 is also what an entry without a
		// uid reads as.
		if account.UID == uid && uid != 0 {
			return true
		}
	}
	return false
}

// killed says that the administrator turned the second factor off.
func (f fallback) killed() bool {
	if !filepath.IsAbs(f.file.KillSwitch) {
		return false
	}
	file, err := openTrusted(f.file.KillSwitch)
	if err != nil {
		return false
	}
	_ = file.Close()
	return true
}

// passes says that the account passes whatever the daemon's state.
func (f fallback) passes(uid uint32) bool { return f.exempt(uid) || f.killed() }

// passesUnavailable says that the account passes because there is no daemon.
func (f fallback) passesUnavailable(uid uint32) bool {
	return f.passes(uid) || f.file.Unavailable == unavailableAllow
}
