package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// The machine and its accounts. They are roles, not people.
const (
	machineName   = "Front Desk Mac"
	machineSerial = "LKDEMO000001"
)

type account struct {
	name, alias, fullName, guid string
	uid                         uint32
}

var (
	user   = account{name: "reception", alias: "desk", fullName: "Front Desk", guid: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F01", uid: 501}
	exempt = account{name: "itadmin", fullName: "IT Administration", guid: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F02", uid: 502}
)

// world is everything that runs.
type world struct {
	ctx       context.Context
	dir, bin  string
	here      string // the project's folder
	profile   string
	shots     string
	clocks    clocks
	out       io.Writer
	password  string
	server    *process
	daemon    *process
	relays    []*relay // main and device listener, as the device reaches them
	serverURL string   // as the help desk reaches it
	boots     int
	up        bool // whether the Mac's network is there
	phone     phone
	pins      []string // that were read aloud, for later chapters
}

func newWorld(ctx context.Context, bin, profile, shots string) (*world, error) {
	// A short folder: a socket's path has at most 103 bytes. Others may enter
	// it, since unprivileged mechanisms run as another user.
	dir, err := os.MkdirTemp("", "latchkey-demo-")
	if err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	w := &world{ctx: ctx, dir: dir, profile: profile, shots: shots, out: os.Stdout, password: rand.Text()[:12]}
	w.clocks = clocks{device: w.path(deviceClock), server: w.path(serverClock)}
	if err := w.prepare(bin); err != nil {
		w.close(false)
		return nil, err
	}
	return w, nil
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

func (w *world) token(who string) string { return w.path("token-" + who) }

// prepare lays out folders, binaries, accounts and clocks.
func (w *world) prepare(bin string) error {
	var err error
	if w.here, err = os.Getwd(); err != nil {
		return err
	}
	w.bin = w.path("bin")
	if err := os.Chmod(w.dir, 0o755); err != nil {
		return err
	}
	for _, folder := range []string{"bin", "prefs", "s", "files"} {
		if err := os.Mkdir(w.path(folder), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"latchkeyd", "latchkey-server", "latchkey", "latchkey-host", "Latchkey.so"} {
		if err := copyFile(filepath.Join(bin, name), filepath.Join(w.bin, name)); err != nil {
			return fmt.Errorf("%w (make demo builds it)", err)
		}
	}
	machine, err := json.Marshal(map[string]string{"udid": "5B9E8D50-3C0F-4E0B-8B55-6C9F4A1D7E02", "serial": machineSerial,
		"model": "MacBookAir10,1", "name": machineName, "os": "15.1", "zone": "UTC"})
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.path("machine.json"), machine, 0o644); err != nil {
		return err
	}
	for _, a := range []account{user, exempt} {
		record := devaccounts.Account{Name: a.name, UID: a.uid, GID: 20, GUID: a.guid, FullName: a.fullName, Home: "/Users/" + a.name}
		if a.alias != "" {
			record.Aliases = []string{a.alias}
		}
		if err := devaccounts.Add(rand.Reader, w.path("accounts.json"), record, []byte(w.password)); err != nil {
			return err
		}
	}
	return w.clocks.pass(0)
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy a binary: %w", err)
	}
	return os.WriteFile(to, raw, 0o755)
}

// start brings up server, network, profile, identity and daemon.
func (w *world) start() error {
	for _, step := range []func() error{w.startServer, w.openNetwork, func() error { return w.pushProfile() }, w.enrol, w.startDaemon} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) startServer() error {
	data, binary := w.path("server"), filepath.Join(w.bin, "latchkey-server")
	if _, err := command(w.ctx, nil, binary, "init", "--data", data); err != nil {
		return err
	}
	for who, role := range map[string]string{"helpdesk": "help-desk-admin", "admin": "super-admin"} {
		text, err := command(w.ctx, nil, binary, "token", "create", "--data", data, "--role", role, "--login", who+"@example.com", "--name", "demo")
		if err != nil {
			return err
		}
		if err := os.WriteFile(w.token(who), []byte(text), 0o600); err != nil {
			return err
		}
	}
	// The device reaches the device listener through the relay, so its port
	// has to be known before the server says so.
	direct, err := freePort()
	if err != nil {
		return err
	}
	device, err := newRelay(direct)
	if err != nil {
		return err
	}
	w.relays = append(w.relays, device)
	w.server, err = startProcess(w.ctx, "ready listen=", binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--device-listen", direct,
		"--device-url", "https://"+device.address(), "--tls-hosts", "127.0.0.1", "--sim-clock", w.clocks.server, "--log-format", "console")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(w.server.log.String(), "ready listen=")
	w.serverURL = "https://" + strings.Fields(rest)[0]
	return nil
}

// openNetwork is the device's way to the main listener.
func (w *world) openNetwork() error {
	main, err := newRelay(strings.TrimPrefix(w.serverURL, "https://"))
	w.relays = append(w.relays, main)
	w.up = true
	return err
}

func (w *world) network(up bool) {
	w.up = up
	for _, r := range w.relays {
		r.set(!up)
	}
}

// pushProfile is the MDM: the published Jamf Pro profile with the values that
// its article says to tailor, and further keys.
func (w *world) pushProfile(more ...string) error {
	raw, err := os.ReadFile(w.profile)
	if err != nil {
		return fmt.Errorf("read the published profile: %w", err)
	}
	text := strings.NewReplacer(
		"YOUR_CLIENT_ID", "0oa1demo", "YOUR_CLIENT_SECRET", rand.Text(),
		"https://your-okta-URL", "https://"+w.relays[len(w.relays)-1].address(),
		"YOUR_ADMIN_EMAIL", "helpdesk@example.com",
		"</dict>\n</plist>", strings.Join(more, "\n")+"</dict>\n</plist>").Replace(string(raw))
	return os.WriteFile(w.path("prefs", "com.okta.deviceaccess.servicedaemon.plist"), []byte(text), 0o644)
}

// enrol obtains the Device Access certificate, as an MDM's SCEP payload does.
func (w *world) enrol() error {
	challenge, err := w.desk("admin", "scep", "challenge", "create", "--serial", machineSerial)
	if err != nil {
		return err
	}
	file := w.path("challenge")
	if err := os.WriteFile(file, []byte(strings.Fields(challenge)[0]), 0o600); err != nil {
		return err
	}
	_, err = command(w.ctx, nil, filepath.Join(w.bin, "latchkey"), "enrol", "--scep-url", w.serverURL+"/scep",
		"--ca", w.path("server", "tls-ca.pem"), "--challenge-file", file, "--common-name", machineName, "--state", w.path("state"))
	return err
}

func (w *world) startDaemon() error {
	var err error
	w.daemon, err = startProcess(w.ctx, `"ready"`, filepath.Join(w.bin, "latchkeyd"), "--state", w.path("state"), "--files", w.path("files"),
		"--sockets", w.path("s"), "--managed-preferences", w.path("prefs"), "--accounts", w.path("accounts.json"),
		"--machine", w.path("machine.json"), "--ca", w.path("server", "tls-ca.pem"), "--poll", "200ms", "--sim-clock", w.clocks.device)
	return err
}

// desk runs a command of latchkey-server as one of its administrators.
func (w *world) desk(who string, args ...string) (string, error) {
	env := []string{"LATCHKEY_SERVER=" + w.serverURL, "LATCHKEY_TOKEN_FILE=" + w.token(who), "LATCHKEY_CA_FILE=" + w.path("server", "tls-ca.pem")}
	return command(w.ctx, env, filepath.Join(w.bin, "latchkey-server"), args...)
}

// latchkey runs a command of the Mac's own command line.
func (w *world) latchkey(args ...string) (string, error) {
	return command(w.ctx, nil, filepath.Join(w.bin, "latchkey"), append(args, "--sockets", w.path("s"))...)
}

// window is the login window; with a player nobody has to sit at it.
func (w *world) window(terminal *os.File, player authhost.Player) authhost.Options {
	right, err := authhost.ConsoleRight().WithLatchkey()
	if err != nil {
		panic(err) // the list is built in
	}
	accounts, _ := devaccounts.Load(w.path("accounts.json"))
	return authhost.Options{Right: right, Plugins: map[string]string{"Latchkey": filepath.Join(w.bin, "Latchkey.so")},
		Host: filepath.Join(w.bin, "latchkey-host"), Accounts: accounts, Computer: machineName,
		Env:      append(os.Environ(), "LATCHKEY_SOCKETS="+w.path("s"), "LATCHKEY_FILES="+w.path("files"), "TERM=xterm-256color", "LANG=en_US.UTF-8"),
		Terminal: terminal, Player: player, Width: 100, Height: 34}
}

// close ends everything and removes the folder.
func (w *world) close(keep bool) {
	for _, p := range []*process{w.daemon, w.server} {
		if p != nil {
			p.stop()
		}
	}
	for _, r := range w.relays {
		if r != nil {
			r.close()
		}
	}
	if keep {
		fmt.Fprintf(w.out, "the demo's folder is %s\n", w.dir)
		return
	}
	os.RemoveAll(w.dir)
}
