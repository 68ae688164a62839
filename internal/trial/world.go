package trial

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// MachineName and MachineSerial are of the Mac that is played.
const (
	MachineName   = "Front Desk Mac"
	MachineSerial = "LKDEMO000001"
)

// Account is an account of the Mac. Those of a trial are roles, not people.
type Account struct {
	Name, Alias, FullName, GUID string
	UID                         uint32
}

// Reception is governed by the published profile, ITAdmin is on the list of
// accounts that need no second factor where a profile has it.
func Reception() Account {
	return Account{Name: "reception", Alias: "desk", FullName: "Front Desk", GUID: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F01", UID: 501}
}

// ITAdmin is the account of the administrators.
func ITAdmin() Account {
	return Account{Name: "itadmin", FullName: "IT Administration", GUID: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F02", UID: 502}
}

// Office is an account whose person has an account in the org as well.
func Office() Account {
	return Account{Name: "office", FullName: "Back Office", GUID: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F03", UID: 503}
}

// OfficeLogin is that person in the org.
const OfficeLogin = "office@example.com"

// Options of a World.
type Options struct {
	Bin      string    // folder with the programs (Build)
	Profile  string    // the published profile to tailor
	Shots    string    // folder for pictures of screens; "" for none
	Accounts []Account // of the Mac; nil for Reception, ITAdmin and Office
	Out      io.Writer // what happens, told; nil for nowhere
	Daemon   []string  // further arguments of the daemon
	OwnOrg   bool      // an org with keys that no other trial of this process has
}

// World is everything that runs.
type World struct {
	Dir       string // holds all that the trial makes
	Bin       string // this trial's copy of the programs
	Password  string // of every account
	Clocks    Clocks
	Server    *Process
	Daemon    *Process
	ServerURL string // as the help desk reaches it

	// Arrange changes the login window before it opens (another list, further
	// plug-ins, FileVault); nil for the one that the product is made for.
	Arrange func(*authhost.Options)

	ctx            context.Context
	options        Options
	relays         []*relay // device listener and main listener, as the device reaches them
	listen, device place    // the server's own addresses
	client         OrgClient
	up             bool // whether the Mac's network is there
	boots          int
}

// New lays a trial's folder out; nothing runs yet.
func New(ctx context.Context, o Options) (*World, error) {
	if o.Accounts == nil {
		o.Accounts = []Account{Reception(), ITAdmin(), Office()}
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	// A short folder: a socket's path has at most 103 bytes. Others may enter
	// it, since unprivileged mechanisms run as another user.
	dir, err := os.MkdirTemp("", "latchkey-")
	if err != nil {
		return nil, fmt.Errorf("make the trial's folder: %w", err)
	}
	w := &World{Dir: dir, Bin: filepath.Join(dir, "bin"), Password: rand.Text()[:12], ctx: ctx, options: o}
	w.Clocks = Clocks{Device: w.Path(DeviceClock), Server: w.Path(ServerClock)}
	if err := w.prepare(); err != nil {
		w.Close(false)
		return nil, err
	}
	return w, nil
}

// Path is a path in the trial's folder.
func (w *World) Path(parts ...string) string {
	return filepath.Join(append([]string{w.Dir}, parts...)...)
}

// Say tells what happens.
func (w *World) Say(format string, args ...any) { fmt.Fprintf(w.options.Out, format+"\n", args...) }

// prepare lays out folders, binaries, accounts and clocks.
func (w *World) prepare() error {
	if err := os.Chmod(w.Dir, 0o755); err != nil {
		return err
	}
	for _, folder := range []string{"bin", "prefs", "s", "files", KeysFolder} {
		if err := os.Mkdir(w.Path(folder), 0o755); err != nil {
			return err
		}
	}
	for _, name := range programs() {
		if err := copyFile(filepath.Join(w.options.Bin, name), filepath.Join(w.Bin, name)); err != nil {
			return fmt.Errorf("%w (make demo-build builds it)", err)
		}
	}
	machine, err := json.Marshal(map[string]string{"udid": "5B9E8D50-3C0F-4E0B-8B55-6C9F4A1D7E02", "serial": MachineSerial,
		"model": "MacBookAir10,1", "name": MachineName, "os": "15.1", "zone": "UTC"})
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.Path("machine.json"), machine, 0o644); err != nil {
		return err
	}
	for _, a := range w.options.Accounts {
		if err := w.addAccount(a); err != nil {
			return err
		}
	}
	return w.Clocks.Pass(0)
}

func (w *World) addAccount(a Account) error {
	record := devaccounts.Account{Name: a.Name, UID: a.UID, GID: 20, GUID: a.GUID, FullName: a.FullName, Home: "/Users/" + a.Name}
	if a.Alias != "" {
		record.Aliases = []string{a.Alias}
	}
	return devaccounts.Add(rand.Reader, w.Path("accounts.json"), record, []byte(w.Password))
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy a binary: %w", err)
	}
	return os.WriteFile(to, raw, 0o755)
}

// env has the race detector, in programs that were built with it, report to
// files of this trial.
func (w *World) env() []string {
	return []string{"GORACE=atexit_sleep_ms=100 log_path=" + w.Path(raceReport)}
}

const raceReport = "race"

// Races is what the race detector has reported of daemon and server, as an
// error. Call it when both have ended.
func (w *World) Races() error {
	reports, err := filepath.Glob(w.Path(raceReport + ".*"))
	for _, file := range reports {
		raw, failed := os.ReadFile(file)
		err = errors.Join(err, failed, fmt.Errorf("a data race:\n%s", raw))
	}
	return err
}

// End ends both programs.
func (w *World) End() {
	for _, p := range []*Process{w.Daemon, w.Server} {
		if p != nil {
			p.Stop()
		}
	}
}

// Close ends everything and removes the folder, unless it is to be kept.
func (w *World) Close(keep bool) {
	w.End()
	for _, r := range w.relays {
		r.close()
	}
	w.listen.leave()
	w.device.leave()
	if keep {
		w.Say("the folder of this run is %s", w.Dir)
		return
	}
	os.RemoveAll(w.Dir)
}
