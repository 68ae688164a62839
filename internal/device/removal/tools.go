package removal

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/systemtool"
)

// Paths of the programs of macOS that are asked.
const (
	launchctlPath = "/bin/launchctl"
	psPath        = "/bin/ps"
	pkgutilPath   = "/usr/sbin/pkgutil"
	securityPath  = "/usr/bin/security"
)

// patience is how long one run of a program may take: launchd gives a job twenty
// seconds to end.
const patience = 40 * time.Second

// notFound is how security ends where there is no such item (errSecItemNotFound).
const notFound = 44

// Mac asks the Mac that runs.
type Mac struct{}

var (
	_ Jobs    = Mac{}
	_ Records = Mac{}
)

func run(ctx context.Context, path string, words ...string) (string, error) {
	out, _, err := systemtool.Tool{Path: path, Timeout: patience}.Run(ctx, nil, words...)
	return string(out), err
}

// dock is a process that there is one of in each graphical session.
var dock = regexp.MustCompile(`^ *([0-9]{1,10}) .*/Dock$`)

// Sessions implements Jobs.
func (Mac) Sessions(ctx context.Context) ([]string, error) {
	out, err := run(ctx, psPath, "-axo", "uid=,comm=")
	return docks(out), err
}

// docks are the user ids of what ps prints, each once. They are digits alone, and
// become a word of another program.
func docks(out string) (uids []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		m := dock.FindStringSubmatch(strings.TrimRight(line, "\r\n "))
		if m != nil && !seen[m[1]] {
			seen[m[1]] = true
			uids = append(uids, m[1])
		}
	}
	return uids
}

// Loaded implements Jobs.
func (Mac) Loaded(ctx context.Context, job string) bool {
	_, err := run(ctx, launchctlPath, "print", job)
	var said *systemtool.FailedError
	return !errors.As(err, &said) // one that does not answer may well have it
}

// End implements Jobs.
func (m Mac) End(ctx context.Context, job string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := run(ctx, launchctlPath, "bootout", job)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for m.Loaded(ctx, job) {
		select {
		case <-ctx.Done():
			return errors.Join(err, errors.New("it is still there"))
		case <-again.C:
		}
	}
	return nil
}

// Installed implements Records.
func (Mac) Installed(ctx context.Context) bool {
	_, err := run(ctx, pkgutilPath, "--pkg-info", PackageID)
	return err == nil
}

// Forget implements Records.
func (Mac) Forget(ctx context.Context) error {
	if _, err := run(ctx, pkgutilPath, "--forget", PackageID); err != nil {
		return fmt.Errorf("forget the receipt: %w", err)
	}
	return nil
}

// DropSecret implements Records.
func (Mac) DropSecret(ctx context.Context) error {
	_, err := run(ctx, securityPath, "delete-generic-password", "-s", DaemonLabel, "-a", "store", "/Library/Keychains/System.keychain")
	var said *systemtool.FailedError
	if err == nil || errors.As(err, &said) && said.Code == notFound {
		return nil
	}
	return fmt.Errorf("remove the item of the System keychain: %w", err)
}
