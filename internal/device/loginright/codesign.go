package loginright

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/systemtool"
)

// CodesignPath is the tool of macOS that looks at signatures.
const CodesignPath = "/usr/bin/codesign"

// Errors of a signature. Each means: do not arm.
var (
	ErrNoTeam     = errors.New("latchkeyd itself is signed by no team, so that nothing says who may have signed the plug-in")
	ErrUnsigned   = errors.New("the plug-in is not signed by the team that signed latchkeyd, or was changed since")
	ErrNotRuntime = errors.New("the plug-in is signed without the hardened runtime, and newer versions of macOS do not load it at the login window")
)

// Codesign expects the plug-in to be signed by the team that has signed the
// program Own: whoever can replace the one could have replaced the other.
type Codesign struct {
	Path string // of the tool; "" is CodesignPath
	Own  string // the program that runs
}

// teamLine and flagsLine are of what `codesign --display --verbose=2` prints.
// A team is the ten letters and digits that Apple gives.
var (
	teamLine  = regexp.MustCompile(`(?m)^TeamIdentifier=([0-9A-Z]{10})$`)
	flagsLine = regexp.MustCompile(`(?m)^CodeDirectory .*\bflags=0x([0-9a-f]{1,8})\b`)
)

// hardened is the flag of the hardened runtime (bsd/kern/cs_blobs.h).
const hardened = 0x10000

func (c Codesign) run(ctx context.Context, words ...string) (said []byte, err error) {
	if c.Path == "" {
		c.Path = CodesignPath
	}
	out, said, err := systemtool.Tool{Path: c.Path, Timeout: 30 * time.Second}.Run(ctx, nil, words...)
	return append(out, said...), err
}

// Check implements Signature.
func (c Codesign) Check(ctx context.Context, bundle string) error {
	own, err := c.run(ctx, "--display", "--verbose=2", c.Own)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTeam, err)
	}
	team := teamIn(own)
	if team == "" {
		return ErrNoTeam
	}
	// The expression holds a team, which is letters and digits, and no more.
	want := fmt.Sprintf(`=anchor apple generic and identifier "dev.latchkey.plugin" and certificate leaf[subject.OU] = "%s"`, team)
	if _, err := c.run(ctx, "--verify", "--strict", "--all-architectures", "-R", want, bundle); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	shown, err := c.run(ctx, "--display", "--verbose=2", bundle)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	if !runtimeIn(shown) {
		return ErrNotRuntime
	}
	return nil
}

// teamIn is the team that a display of a signature names, or "".
func teamIn(shown []byte) string {
	team := teamLine.FindSubmatch(shown)
	if team == nil {
		return ""
	}
	return string(team[1])
}

// runtimeIn: the display has the flag of the hardened runtime.
func runtimeIn(shown []byte) bool {
	flags := flagsLine.FindSubmatch(shown)
	if flags == nil {
		return false
	}
	n, err := strconv.ParseUint(string(flags[1]), 16, 32)
	return err == nil && n&hardened != 0
}
