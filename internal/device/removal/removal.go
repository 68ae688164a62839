package removal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
)

// PackageID is the receipt that Installer keeps of the package.
const PackageID = "dev.latchkey.pkg"

// Labels of the jobs that launchd runs, of the system and in each graphical
// session.
const (
	DaemonLabel = "dev.latchkey.servicedaemon"
	AgentLabel  = "dev.latchkey.agent"
)

// Right is the login right: an Editor without a lock of its own.
type Right interface {
	Disarm(ctx context.Context) (loginright.Change, error)
	Read(ctx context.Context) (loginright.Right, error)
}

// Jobs are launchd's.
type Jobs interface {
	// Sessions are the user ids of who is logged in.
	Sessions(ctx context.Context) ([]string, error)
	// Loaded: launchd has the job, as "system/LABEL" or "gui/UID/LABEL".
	Loaded(ctx context.Context, job string) bool
	// End takes the job out of launchd, and returns when it is gone.
	End(ctx context.Context, job string) error
}

// Records are what macOS keeps about Latchkey elsewhere than in files.
type Records interface {
	Installed(ctx context.Context) bool   // there is a receipt of the package
	Forget(ctx context.Context) error     // the receipt
	DropSecret(ctx context.Context) error // the daemon's item of the System keychain, if there is one
}

// Removal is one run of the removal.
type Removal struct {
	Right   Right
	Lock    func(ctx context.Context) (unlock func(), err error) // keeps the daemon from arming meanwhile
	Tell    func(ctx context.Context) error                      // has a daemon that runs tell its server that the right is disarmed
	Jobs    Jobs
	Records Records
	Volume  string   // that the Mac's paths are below; "" for that of the Mac that runs
	Owners  []uint32 // whose files are ours: root, and in tests who runs them
	Purge   bool     // also what a later install would take up again
	Say     func(format string, words ...any)
}

// ErrArmed: the login right could not be shown to be without Latchkey. Nothing
// was removed.
var ErrArmed = errors.New("the login right cannot be shown to be free of Latchkey, so that nothing was removed")

// ErrRunning: launchd does not let go of a job. Nothing was removed.
var ErrRunning = errors.New("launchd does not end it, so that nothing was removed")

// Plan says what Run would do, and looks at all that it would stop at.
func (r Removal) Plan(ctx context.Context) error {
	right, err := r.Right.Read(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	if _, err := right.Disarm(); err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	r.Say("login right: %s", right.Standing())
	for _, job := range r.jobs(ctx) {
		r.Say("end: %s", job)
	}
	there, err := r.present()
	for _, t := range there {
		r.Say("remove: %s", t.path)
	}
	if r.Purge {
		r.Say("remove: the item %s of the System keychain", DaemonLabel)
	}
	if r.Records.Installed(ctx) {
		r.Say("forget: %s", PackageID)
	}
	return err
}

// Run removes. Errors: ErrArmed, ErrRunning and *UnsafeError, after which
// everything is as it was but for what was disarmed; after any other some of it
// is gone, and the next run goes on.
func (r Removal) Run(ctx context.Context) error {
	// Before anything: what would be refused later has to be mended by a person.
	if _, err := r.present(); err != nil {
		return err
	}
	if err := r.quiet(ctx); err != nil {
		return err
	}
	there, err := r.present()
	if err != nil { // once more, with what the daemon has written at its end
		return err
	}
	// The plug-in first: it is what the next login would miss, or not.
	var failed error
	for _, t := range there {
		if err := r.remove(t); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		r.Say("removed: %s", t.path)
	}
	r.tidy()
	if r.Purge {
		failed = errors.Join(failed, r.Records.DropSecret(ctx))
	}
	if failed == nil && r.Records.Installed(ctx) {
		failed = r.Records.Forget(ctx)
	}
	return failed
}

// quiet disarms the right and ends what could arm it again. From the disarming to
// the end of the daemon nobody else of ours edits it; then it is read once more.
func (r Removal) quiet(ctx context.Context) error {
	unlock, err := r.Lock(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	defer unlock()
	change, err := r.Right.Disarm(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	if change.Wrote {
		r.Say("disarmed: %s", loginright.Console)
	}
	if err := r.free(ctx); err != nil {
		return err
	}
	if change.Wrote {
		if err := r.Tell(ctx); err != nil {
			r.Say("the server was not told, and hears of it when the Mac does not check in any more: %v", err)
		}
	}
	for _, job := range r.jobs(ctx) {
		if err := r.Jobs.End(ctx, job); err != nil {
			return fmt.Errorf("%s: %w: %w", job, ErrRunning, err)
		}
		r.Say("ended: %s", job)
	}
	return r.free(ctx)
}

// free holds that none of our mechanisms is in the right.
func (r Removal) free(ctx context.Context) error {
	right, err := r.Right.Read(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	if s := right.Standing(); s != loginright.Absent {
		return fmt.Errorf("%w: it is %s", ErrArmed, s)
	}
	return nil
}

// jobs are those that launchd has: agents, then the daemon. Who is logged in is
// not always known; an agent that is left ends with its session.
func (r Removal) jobs(ctx context.Context) (loaded []string) {
	uids, err := r.Jobs.Sessions(ctx)
	if err != nil {
		r.Say("who is logged in is not known, so that agents go on until they log out: %v", err)
	}
	candidates := []string{}
	for _, uid := range uids {
		candidates = append(candidates, "gui/"+uid+"/"+AgentLabel)
	}
	for _, job := range append(candidates, "system/"+DaemonLabel) {
		if r.Jobs.Loaded(ctx, job) {
			loaded = append(loaded, job)
		}
	}
	return loaded
}

func (r Removal) on(path string) string { return filepath.Join(r.Volume, path) }
