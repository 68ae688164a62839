package trial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The help desk's two administrators.
const (
	HelpDesk = "helpdesk" // help desk admin
	Admin    = "admin"    // super admin
)

// Start brings up server, network, profile, identity and daemon.
func (w *World) Start() error {
	for _, step := range []func() error{w.makeTLS, w.initServer, w.openNetwork, w.StartServer, func() error { return w.PushProfile() }, w.Enrol, w.StartDaemon} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) server() string { return filepath.Join(w.Bin, "latchkey-server") }

// Token is the file with an administrator's token.
func (w *World) Token(who string) string { return w.Path("token-" + who) }

// Invite makes an administrator of the console, and returns the set-up code.
func (w *World) Invite(login string) (code string, err error) {
	return Command(w.ctx, nil, w.server(), "admin", "create", "--data", w.Path("server"), "--role", "super-admin", "--login", login, "--name", login)
}

// Console is the console's address, without the network that can be cut.
func (w *World) Console() string { return strings.Replace(w.ServerURL, "127.0.0.1", OrgName, 1) }

// openNetwork is the device's way to the server's two listeners, whose ports
// have to be known before the server names them.
func (w *World) openNetwork() error {
	for _, p := range []*place{&w.device, &w.listen} {
		var err error
		if *p, err = newPlace(); err != nil {
			return err
		}
		r, err := newRelay(p.address)
		if err != nil {
			return err
		}
		w.relays = append(w.relays, r)
	}
	w.up, w.ServerURL = true, "https://"+w.listen.address
	return nil
}

// DeviceListener is the server's listener for devices, without the network
// that can be cut.
func (w *World) DeviceListener() string { return w.device.address }

// StartServer starts the server, or starts it again.
func (w *World) StartServer() error { return w.StartServerUnder() }

// StartServerUnder starts the server as the child of a command, such as one
// that makes its writes fail. That command's process has to become the server.
func (w *World) StartServerUnder(wrap ...string) (err error) {
	line := append(wrap, w.server(), "serve", "--data", w.Path("server"), "--listen", w.listen.address, "--device-listen", w.device.address,
		"--device-url", "https://"+w.relays[0].address(), "--public-url", w.OrgURL(), "--tls-cert", w.ServerCA(), "--tls-key", w.tlsKey(), "--sim-clock", w.Clocks.Server, "--log-format", "console")
	w.Server, err = StartProcess(w.ctx, w.env(), "ready listen=", line[0], line[1:]...)
	return err
}

// Network cuts the network between the Mac and its server, or mends it.
func (w *World) Network(up bool) {
	w.up = up
	for _, r := range w.relays {
		r.set(!up)
	}
}

// OrgURL is where the Mac, phones and security keys find the org: through the
// network that can be cut. It is a name, as browsers have passkeys for names alone.
func (w *World) OrgURL() string {
	return "https://" + strings.Replace(w.relays[1].address(), "127.0.0.1", OrgName, 1)
}

// OrgName is its host.
const OrgName = "localhost"

// PushProfile is the MDM: the published Jamf Pro profile with the values that
// its article says to tailor, and further keys.
func (w *World) PushProfile(more ...string) error {
	raw, err := os.ReadFile(w.options.Profile)
	if err != nil {
		return fmt.Errorf("read the published profile: %w", err)
	}
	text := strings.NewReplacer(
		"YOUR_CLIENT_ID", w.client.ID, "YOUR_CLIENT_SECRET", w.client.Secret,
		"https://your-okta-URL", w.OrgURL(),
		"YOUR_ADMIN_EMAIL", "helpdesk@example.com",
		"</dict>\n</plist>", strings.Join(more, "\n")+"</dict>\n</plist>").Replace(string(raw))
	// By rename, so that no process reads half of it.
	if err := os.WriteFile(w.Path("profile"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(w.Path("profile"), w.Profile())
}

// Profile is the file that the daemon reads its policy from.
func (w *World) Profile() string {
	return w.Path("prefs", "com.okta.deviceaccess.servicedaemon.plist")
}

// Enrol obtains the Device Access certificate, as an MDM's SCEP payload does.
func (w *World) Enrol() error {
	challenge, err := w.Desk(Admin, "scep", "challenge", "create", "--serial", MachineSerial)
	if err != nil {
		return err
	}
	file := w.Path("challenge")
	if err := os.WriteFile(file, []byte(strings.Fields(challenge)[0]), 0o600); err != nil {
		return err
	}
	_, err = Command(w.ctx, nil, filepath.Join(w.Bin, "latchkey"), "certificate", "--scep-url", w.ServerURL+"/scep",
		"--ca", w.ServerCA(), "--challenge-file", file, "--common-name", MachineName, "--state", w.State())
	return err
}

// State is the daemon's own folder.
func (w *World) State() string { return w.Path("state") }

// Keys is the folder of sockets that play security keys: one that stands there
// is plugged in.
func (w *World) Keys() string { return w.Path(KeysFolder) }

// KeysFolder is its name in a trial's folder.
const KeysFolder = "keys"

// Sockets is the folder with the daemon's sockets.
func (w *World) Sockets() string { return w.Path("s") }

// StartDaemon starts the daemon, or starts it again.
func (w *World) StartDaemon() error { return w.StartDaemonUnder() }

// StartDaemonUnder does for the daemon what StartServerUnder does.
func (w *World) StartDaemonUnder(wrap ...string) (err error) {
	line := append(wrap, w.daemonLine()...)
	w.Daemon, err = StartProcess(w.ctx, w.env(), `"ready"`, line[0], line[1:]...)
	return err
}

// StartDaemonAndKill starts the daemon and kills it after that time, whether it
// is ready or not.
func (w *World) StartDaemonAndKill(after time.Duration) error {
	line := w.daemonLine()
	cmd := exec.CommandContext(w.ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), w.env()...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start latchkeyd: %w", err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // it was killed
	return nil
}

func (w *World) daemonLine() []string {
	return append([]string{filepath.Join(w.Bin, "latchkeyd"), "--state", w.State(), "--files", w.Path("files"),
		"--sockets", w.Sockets(), "--managed-preferences", w.Path("prefs"), "--accounts", w.Path("accounts.json"),
		"--machine", w.Path("machine.json"), "--ca", w.ServerCA(), "--poll", "200ms", "--sim-clock", w.Clocks.Device, "--sim-keys", w.Keys()}, w.options.Daemon...)
}

// Desk runs a command of latchkey-server as one of its administrators.
func (w *World) Desk(who string, args ...string) (string, error) {
	env := []string{"LATCHKEY_SERVER=" + w.ServerURL, "LATCHKEY_TOKEN_FILE=" + w.Token(who), "LATCHKEY_CA_FILE=" + w.ServerCA()}
	return Command(w.ctx, env, w.server(), args...)
}

// Latchkey runs a command of the Mac's own command line.
func (w *World) Latchkey(args ...string) (string, error) {
	return Command(w.ctx, nil, filepath.Join(w.Bin, "latchkey"), append(args, "--sockets", w.Sockets())...)
}
