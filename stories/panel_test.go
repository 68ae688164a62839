package stories

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
	"github.com/latchkey-mfa/latchkey/plugin/paneltest"
)

// TestThePanelOfTheMac is the panel that Macs have, here drawn by GNUstep, with the
// daemon and the server behind it: what reception does at it with keys alone.
func TestThePanelOfTheMac(t *testing.T) {
	paneltest.Needs(t, "Xvfb", "xdotool", "gnustep-config")
	m := aMac(t).enrolled()
	_, err := trial.Command(t.Context(), nil, "make", "-C", "..", "--no-print-directory", "native", "NATIVE="+m.Bin)
	m.must(err)
	d := paneltest.Start(t, 1280, 900)
	d.Point(0, 0)

	login := m.atTheWindow(d, "LANG=en_US.UTF-8")
	d.Sees("Show that it is you") // with the news that a factor was set up
	d.Settled()
	d.Press("Return")
	d.Sees("Enter your device access code")
	d.Settled()
	before := d.Picture()
	d.Type("000000")
	d.Press("Return")
	d.SeesOtherThan(before) // that the code is not right
	d.Settled()
	d.Type(m.phone.Key.Code(totp.Step(m.Clocks.Now())))
	d.Press("Return")
	login(authhost.Allow)
	d.SeesNothing()

	login = m.atTheWindow(d, "LANG=de_CH.UTF-8")
	d.Sees("Geben Sie Ihren Gerätecode ein") // there is no news, and nothing to choose
	d.Settled()
	d.Press("F1")
	d.Sees("Wenden Sie sich an Ihre Administration")
	d.Settled()
	d.Type(m.pin())
	d.Press("Return")
	d.Sees("Sie sind angemeldet")
	d.Settled()
	d.Settled()
	if folder := os.Getenv("PANEL_SHOTS"); folder != "" {
		m.must(paneltest.Save(filepath.Join(folder, "german-light.png"), d.Settled()))
	}
	d.Press("shift+Tab", "shift+Tab", "shift+Tab", "shift+Tab", "shift+Tab", "Return") // back over the strip, and Back, to Later
	login(authhost.Allow)

	login = m.atTheWindow(d, "LANG=de_CH.UTF-8")
	d.Sees("Zeigen Sie, dass Sie es sind")
	d.Settled()
	d.Press("Return") // the PIN of the open window comes first
	d.Sees("Geben Sie Ihre Wiederherstellungs-PIN ein")
	d.Settled()
	d.Press("Escape")
	login(authhost.Deny)

	login = m.atTheWindow(d, "LANG=de_CH.UTF-8")
	d.Sees("Zeigen Sie, dass Sie es sind")
	m.kills()
	d.Sees("Die Überprüfung ist nicht verfügbar")
	d.Settled()
	d.Press("Return")
	login(authhost.Deny) // by the gate file
	d.SeesNothing()
}

// atTheWindow begins a login of reception whose password FileVault has passed on,
// in one round. What it returns wants that end of it.
func (m *mac) atTheWindow(d *paneltest.Display, language string) func(authhost.Result) {
	m.t.Helper()
	o, err := m.Window(nil, nil)
	m.must(err)
	o.Right.Tries = 1
	o.Plugins["Latchkey"], o.Host = filepath.Join(m.Bin, "Latchkey-native.so"), filepath.Join(m.Bin, "latchkey-host-native")
	o.Env = append(append(o.Env, d.Env()...), "LC_ALL=", "LC_MESSAGES=", language)
	var said bytes.Buffer
	o.HostsSay = &said
	o.FileVault = &authhost.Credentials{Name: trial.Reception().Name, Password: []byte(m.Password)}
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	ended := make(chan struct{})
	var out authhost.Outcome
	go func() {
		defer close(ended)
		out, err = authhost.Run(ctx, o)
	}()
	m.t.Cleanup(func() {
		cancel()
		<-ended
		if m.t.Failed() {
			m.t.Logf("%s, %v; the host said:\n%s", out, err, &said)
		}
	})
	return func(want authhost.Result) {
		m.t.Helper()
		<-ended
		m.must(err)
		if out.Result != want || len(out.Faults) != 0 {
			m.t.Fatalf("the login ended with %s, want %s; faults %q", out, want, out.Faults)
		}
	}
}
