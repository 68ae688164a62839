package attack

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// challenge is made by an administrator.
func (m *mac) challenge(args ...string) string {
	m.t.Helper()
	out, err := m.Desk(trial.Admin, append([]string{"scep", "challenge", "create"}, args...)...)
	m.ok(err)
	return strings.Fields(out)[0]
}

// enrol uses a challenge, as whoever has it.
func (m *mac) enrol(challenge, state string) error {
	m.t.Helper()
	file := m.Path("challenge-" + filepath.Base(state))
	m.ok(os.WriteFile(file, []byte(challenge), 0o600))
	_, err := trial.Command(m.t.Context(), nil, filepath.Join(m.Bin, "latchkey"), "certificate", "--scep-url", m.ServerURL+"/scep",
		"--ca", m.ServerCA(), "--challenge-file", file, "--common-name", "thief", "--state", state)
	return err
}

// A challenge was read in a profile, a log, or over a shoulder.
func TestAttackSCEPChallengeIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	refused := func(what, challenge string) {
		t.Helper()
		state := m.Path("refused")
		if err := m.enrol(challenge, state); err == nil {
			t.Errorf("%s was taken", what)
		}
		if _, err := os.Stat(identity.Below(state)); err == nil {
			t.Errorf("%s left something in the thief's folder", what)
		}
	}
	used := m.challenge()
	m.ok(m.enrol(used, m.Path("first")))
	refused("a challenge that was used", used)
	late := m.challenge()
	m.passes(day + time.Minute)
	refused("a challenge of yesterday", late)
	refused("a made-up challenge", rand.Text())
	refused("an empty challenge", "")

	// One that serves any Mac gives a certificate, and that alone gives nothing:
	// the Mac which has it already goes on, and nobody's PIN is made with it.
	first, err := identity.Folder{Dir: identity.Below(m.Path("first")), Now: m.Clocks.Now}.Certificate(t.Context())
	m.ok(err)
	if status, _, why := m.posts(&first, m.checkIn(1)); status != http.StatusForbidden || why.Reason != wire.RefusedReenrolled {
		t.Errorf("a claim to be this Mac: %d %+v", status, why)
	}
	m.tellsOf("binding.claim")
	if _, err := m.ReadAloud(trial.Reception()); err == nil {
		t.Error("a PIN was made while a claim waits")
	}
	_, err = m.Desk(trial.Admin, "device", "reject", trial.MachineSerial)
	m.ok(err)
	m.ok(m.CheckIn(trial.Reception()))
	m.getsInByPIN()
}
