package service_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestTheGateDecidesByPolicyAndTicket(t *testing.T) {
	m := newMac(t).start()
	m.gateSays(ada, nil, false, "no_ticket")
	m.gateSays(ada, make([]byte, wire.TicketSize), false, "ticket_unknown")
	m.gateSays(carol, nil, true, "not_required")
	m.gateSays(77, nil, false, "unknown_account")
}

func TestTheKillSwitchHasToBeRoots(t *testing.T) {
	m := newMac(t).start()
	path := filepath.Join(m.options.Files, "kill-switch")
	elsewhere := filepath.Join(m.root, "elsewhere")
	m.ok(os.WriteFile(elsewhere, nil, 0o600))
	for _, tt := range []struct {
		name string
		make func() error
		want wire.Decision
	}{
		{"a plain file", func() error { return os.WriteFile(path, nil, 0o600) }, wire.Decision{Allow: true, Reason: "kill_switch"}},
		{"a link", func() error { return os.Symlink(elsewhere, path) }, wire.Decision{Reason: "no_ticket"}},
		{"a folder", func() error { return os.Mkdir(path, 0o700) }, wire.Decision{Reason: "no_ticket"}},
		{"writable by others", func() error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o622)) }, wire.Decision{Reason: "no_ticket"}},
	} {
		m.ok(tt.make())
		if got := m.gate(ada, nil); got != tt.want {
			t.Errorf("%s: the gate says %+v, want %+v", tt.name, got, tt.want)
		}
		if got := m.status().KillSwitch; got != tt.want.Allow {
			t.Errorf("%s: the status says %v", tt.name, got)
		}
		m.ok(os.RemoveAll(path))
	}
}

// TestTheLanguageOfThePanel: the screens are in it, and do the same.
func TestTheLanguageOfThePanel(t *testing.T) {
	m := newMac(t).start()
	for _, c := range []struct {
		languages   []string
		title, back string
	}{
		{[]string{"fr-CH", "de-CH", "en"}, "Schützen Sie Ihre Anmeldung", "Zurück zum Passwort"},
		{[]string{"fr", "ja"}, "Protect your sign-in", "Back to the password"},
		{nil, "Protect your sign-in", "Back to the password"},
	} {
		l := m.login(ada, c.languages...).shows(wire.KindGrace)
		if back := l.screen.Actions[len(l.screen.Actions)-1].Label; l.screen.Title != c.title || back != c.back {
			t.Errorf("in %q: %q with %q", c.languages, l.screen.Title, back)
		}
		m.gateSays(ada, l.act(wire.ActionSkip, "", nil).done(wire.ResultContinue), true, "grace")
	}
}

func TestAGraceLoginIsOneTicketForOneAccount(t *testing.T) {
	m := newMac(t).start()
	ticket := m.login(ada).shows(wire.KindGrace).act(wire.ActionSkip, "", nil).done(wire.ResultContinue)
	m.gateSays(carol, ticket, true, "not_required")
	m.gateSays(ada, ticket, true, "grace")
	m.gateSays(ada, ticket, false, "ticket_unknown")

	ticket = m.login(ada).shows(wire.KindGrace).act(wire.ActionSkip, "", nil).done(wire.ResultContinue)
	m.clock.Run(61 * time.Second)
	m.gateSays(ada, ticket, false, "ticket_expired")

	ticket = m.login(ada).shows(wire.KindGrace).act(wire.ActionSkip, "", nil).done(wire.ResultContinue)
	m.login(ada).shows(wire.KindGrace)
	m.gateSays(ada, ticket, false, "ticket_unknown")

	m.clock.Run(48 * time.Hour)
	m.restart()
	m.login(ada).shows(wire.KindLocked)
}

func TestAnEnrolledFactorIsAskedForUntilItIsRemoved(t *testing.T) {
	m := newMac(t).start()
	key := m.enrols(ada)
	m.restart()
	m.clock.Run(time.Minute)
	l := m.login(ada).shows(wire.KindChoose) // to tell of what was set up
	if n := l.screen.Note; n == nil || !strings.Contains(n.Text, "set up") {
		t.Errorf("note %+v", n)
	}
	l.act(wire.ActionSubmit, "Offline_TOTP", nil).shows(wire.KindCode).act(wire.ActionSubmit, "", map[string]string{"code": "000000"})
	l.shows(wire.KindCode)
	m.gateSays(ada, l.act(wire.ActionSubmit, "", map[string]string{"code": m.code(key)}).done(wire.ResultContinue), true, "factor")

	var list wire.FactorsReply
	m.ok(m.control(wire.MsgFactorsList, wire.Dictionary{"guid": "ada"}, &list))
	if len(list.Accounts) != 1 || len(list.Accounts[0].Factors) != 1 || list.Accounts[0].Factors[0].Kind != "Offline_TOTP" {
		t.Fatalf("factors.list: %+v", list)
	}
	id := list.Accounts[0].Factors[0].ID
	m.refused(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": adaGUID, "id": "another"}, nil), "no_such_factor")
	m.refused(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": carolGUID, "id": id}, nil), "no_such_factor")
	m.refused(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": adaGUID}, nil), "bad_request")
	m.ok(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": adaGUID, "id": id}, nil))
	m.refused(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": adaGUID, "id": id}, nil), "no_such_factor")
	// Without the factor there is no second grace, and ada is told why.
	l = m.login(ada).shows(wire.KindLocked)
	if n := l.screen.Note; n == nil || !strings.Contains(n.Text, "removed") {
		t.Errorf("note %+v", n)
	}
}

func TestABadProfileKeepsTheLastGoodOne(t *testing.T) {
	m := newMac(t).start()
	good := m.status().Policy
	if good.State != "good" || good.Values["LoginPeriodWithOfflineFactor"].Origin != "forced" || good.Values["AllowedFactors"].Origin != "default" {
		t.Fatalf("policy %+v", good)
	}
	m.put(strings.Replace(m.read(), "<real>60</real>", "<real>999999</real>", 1))
	s := m.until("bad", func(s wire.Status) bool { return s.Policy.State == "bad" })
	if !slices.ContainsFunc(s.Policy.Problems, func(p string) bool { return strings.Contains(p, "DeviceRecoveryPINDuration") }) {
		t.Errorf("problems %q do not name the key", s.Policy.Problems)
	}
	if got := s.Policy.Values["DeviceRecoveryPINDuration"]; got != good.Values["DeviceRecoveryPINDuration"] {
		t.Errorf("in force is %v", got)
	}
	m.gateSays(ada, nil, false, "no_ticket")
	m.gateSays(carol, nil, true, "not_required")
	m.restart()
	m.gateSays(ada, nil, false, "no_ticket")
	if s := m.status(); s.Policy.State != "bad" || s.Policy.SHA256 != good.SHA256 {
		t.Errorf("after a restart: %+v", s.Policy)
	}
	m.profile("<key>AllowedFactors</key><array><string>Offline_TOTP</string></array>")
	m.until("good again", func(s wire.Status) bool {
		return s.Policy.State == "good" && s.Policy.Values["AllowedFactors"].Origin == "forced" && len(s.Policy.Problems) == 0
	})
}

func (m *mac) read() string {
	m.t.Helper()
	raw, err := os.ReadFile(m.profilePath())
	m.ok(err)
	return string(raw)
}

func TestAProfileThatIsGoneTurnsMFAOffAfterAQuarterOfAnHour(t *testing.T) {
	m := newMac(t).start()
	m.ok(os.Remove(m.profilePath()))
	m.until("gone", func(s wire.Status) bool { return s.Policy.State == "gone" })
	m.clock.Run(15*time.Minute - time.Second)
	m.gateSays(ada, nil, false, "no_ticket")
	m.until("armed", func(s wire.Status) bool { return s.Armed.State == "armed" })
	m.clock.Run(time.Second)
	m.gateSays(ada, nil, true, "not_required")
	m.round()
	m.until("disarmed", func(s wire.Status) bool { return s.Armed.State == "disarmed" && m.list() == "disarmed" })
	m.gateFileSays("allow") // a daemon that is removed now locks nobody out
	m.profile("")
	m.until("good", func(s wire.Status) bool { return s.Policy.State == "good" })
	m.gateSays(ada, nil, false, "no_ticket")
	m.round()
	m.gateFileSays("deny")
}

// round has the daemon do now what it does every minute: a check-in begins
// with that. There is no server that would answer it.
func (m *mac) round() {
	m.t.Helper()
	m.refused(m.control(wire.MsgCheckInNow, wire.Dictionary{}, nil), "check_in")
}

func (m *mac) gateFileSays(unavailable string) {
	m.t.Helper()
	var gate wire.GateFile
	if m.file("gate.json", 0o600, &gate); gate.Unavailable != unavailable {
		m.t.Errorf("gate.json %+v, want unavailable %s", gate, unavailable)
	}
}

func TestNoProfileIsNoReasonToAllow(t *testing.T) {
	m := newMac(t)
	m.ok(os.Remove(m.profilePath()))
	m.start()
	m.gateSays(ada, nil, false, "unavailable")
	m.gateSays(carol, nil, false, "unavailable")
	if s := m.status(); s.Policy.State != "never" {
		t.Errorf("policy %+v", s.Policy)
	}
}

func TestTheFilesThatThePlugInFallsBackOn(t *testing.T) {
	m := newMac(t).start()
	var gate wire.GateFile
	m.file("gate.json", 0o600, &gate)
	want := []wire.GateExempt{{GUID: carolGUID, Name: "carol", UID: carol}}
	if gate.V != wire.Version || gate.Unavailable != "deny" || !slices.Equal(gate.Exempt, want) || gate.KillSwitch != filepath.Join(m.options.Files, "kill-switch") {
		t.Errorf("gate.json %+v", gate)
	}
	var contact wire.ContactFile
	m.file("contact.json", 0o644, &contact)
	if contact != (wire.ContactFile{V: wire.Version, Name: "Ada's Mac", Serial: "C02XK0AAJGH5", AdminEmail: "it@example.com", AdminPhone: "111-222-3333"}) {
		t.Errorf("contact.json %+v", contact)
	}
	m.profile("<key>LatchkeyUnavailablePolicy</key><string>allow</string>")
	m.until("reloaded", func(s wire.Status) bool { return s.Policy.Values["LatchkeyUnavailablePolicy"].Value == "allow" })
	m.stop() // what was begun is finished
	if m.file("gate.json", 0o600, &gate); gate.Unavailable != "allow" {
		t.Errorf("gate.json %+v", gate)
	}
	for _, name := range []string{"gate.json", "contact.json"} {
		raw, err := os.ReadFile(filepath.Join(m.options.Files, name))
		m.ok(err)
		if strings.Contains(string(raw), "a-client-secret") {
			t.Errorf("%s holds the client secret", name)
		}
	}
}

func (m *mac) file(name string, mode os.FileMode, into any) {
	m.t.Helper()
	path := filepath.Join(m.options.Files, name)
	info, err := os.Lstat(path)
	m.ok(err)
	if info.Mode() != mode {
		m.t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
	}
	raw, err := os.ReadFile(path)
	m.ok(err)
	m.ok(json.Unmarshal(raw, into))
}

// TestALostStoreIsUnavailableUntilACheckIn: it neither restarts the grace nor
// lets anyone in, and an exempt account does not notice.
func TestALostStoreIsUnavailableUntilACheckIn(t *testing.T) {
	m := newMac(t).start()
	m.login(ada).shows(wire.KindGrace)
	m.stop()
	path := filepath.Join(m.options.State, "store.db")
	info, err := os.Stat(path)
	m.ok(err)
	m.ok(os.WriteFile(path, make([]byte, info.Size()), 0o600))
	m.start()
	m.gateSays(ada, nil, false, "unavailable")
	m.gateSays(carol, nil, true, "not_required")
	if s := m.status(); s.Store != "awaiting_check_in" || s.Policy.State != "good" {
		t.Errorf("store %q, policy %+v", s.Store, s.Policy)
	}
	if aside, err := filepath.Glob(path + ".unreadable-*"); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %q, %v", aside, err)
	}
	m.restart()
	m.gateSays(ada, nil, false, "unavailable")
	began := m.clock.Wall().Add(-47 * time.Hour)
	m.ok(m.daemon.Apply(t.Context(), wire.CheckIn{}, wire.CheckInAnswer{Now: m.clock.Wall(), Settings: wire.Settings{Recovery: true},
		Accounts: []wire.AccountAnswer{{GUID: adaGUID, FirstGovernedAt: &began}}}, checkin.Exchange{Asked: m.clock.Continuous(), Answered: m.clock.Continuous()}))
	if s := m.status(); s.Store != "good" {
		t.Errorf("store %q after a check-in", s.Store)
	}
	l := m.login(ada).shows(wire.KindGrace)
	if !strings.Contains(l.screen.Text, "60 minutes") {
		t.Errorf("the grace began anew: %q", l.screen.Text)
	}
}

func TestUnavailableCanBeAllowed(t *testing.T) {
	m := newMac(t)
	m.profile("<key>LatchkeyUnavailablePolicy</key><string>allow</string>")
	m.start().stop()
	m.ok(os.Truncate(filepath.Join(m.options.State, "store.db"), 100))
	m.start()
	m.gateSays(ada, nil, true, "unavailable")
}

func TestASecondDaemonIsRefused(t *testing.T) {
	m := newMac(t).start()
	if _, err := service.Open(t.Context(), m.options); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second daemon: %v", err)
	}
	m.gateSays(ada, nil, false, "no_ticket")
}

func TestStatusAndDoctorSayHowThingsStand(t *testing.T) {
	m := newMac(t).start()
	m.login(ada).shows(wire.KindGrace)
	s := m.status()
	if s.V != wire.Version || s.Agent != "1.2.3" || s.Clock != "wall" || !s.Now.Equal(m.clock.Wall()) || s.CheckIn.Server != "https://127.0.0.1:1" {
		t.Errorf("status %+v", s)
	}
	if len(s.Accounts) != 1 || s.Accounts[0].Name != "ada" || s.Accounts[0].Exempt || s.Accounts[0].GraceUntil == nil || !s.Accounts[0].GraceUntil.Equal(m.clock.Wall().Add(48*time.Hour)) {
		t.Errorf("accounts %+v", s.Accounts)
	}
	if raw, err := json.Marshal(s); err != nil || strings.Contains(string(raw), "a-client-secret") {
		t.Errorf("the status holds the client secret, %v", err)
	}
	var doctor wire.DoctorReply
	m.ok(m.control(wire.MsgDoctor, wire.Dictionary{}, &doctor))
	state := map[string]bool{}
	for _, c := range doctor.Checks {
		state[c.Name] = c.OK
		if c.OK != (c.Hint == "") {
			t.Errorf("check %+v: a hint is for what is not well", c)
		}
	}
	for name, want := range map[string]bool{"policy": true, "store": true, "clock": true, "kill switch": true, "check-in": false} {
		if got, there := state[name]; !there || got != want {
			t.Errorf("doctor: %s is %v, want %v", name, got, want)
		}
	}
}

// TestEachSocketAnswersItsOwnRoleAlone: the prompt can show, submit and poll;
// it can never say 'allow' (design §8).
func TestEachSocketAnswersItsOwnRoleAlone(t *testing.T) {
	m := newMac(t).start()
	own := map[string][]string{"prompt": {wire.MsgBegin, wire.MsgAct}, "gate": {wire.MsgDecide},
		"control": {wire.MsgStatus, wire.MsgFactorsList, wire.MsgFactorsRemove, wire.MsgDoctor, wire.MsgCheckInNow}}
	for role := range own {
		c := m.dial(role, role+".sock")
		for other, names := range own {
			if other == role {
				continue
			}
			for _, name := range names {
				_, err := c.Request(t.Context(), name, wire.Decide{UID: carol}.Dictionary())
				m.refused(err, "unknown_request")
			}
			if _, err := xipc.Dial(t.Context(), filepath.Join(m.options.Sockets, role+".sock"), xipc.ClientOptions{Role: other}); !errors.Is(err, xipc.ErrInvalid) {
				t.Errorf("the %s socket takes a %s: %v", role, other, err)
			}
		}
	}
	for name, mode := range map[string]os.FileMode{"prompt.sock": 0o660, "gate.sock": 0o600, "control.sock": 0o600} {
		info, err := os.Stat(filepath.Join(m.options.Sockets, name))
		m.ok(err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestThePromptIsHeldToItsConversation(t *testing.T) {
	m := newMac(t).start()
	c := m.dial(wire.RolePrompt, "prompt.sock")
	ask := func(name string, body wire.Dictionary) error {
		_, err := c.Request(t.Context(), name, body)
		return err
	}
	m.refused(ask(wire.MsgAct, wire.Act{Action: wire.ActionSkip}.Dictionary()), "no_conversation")
	m.refused(ask(wire.MsgAct, wire.Dictionary{"seq": "1"}), "bad_request")
	m.refused(ask(wire.MsgBegin, wire.Dictionary{"uid": int64(ada)}), "bad_request")
	m.refused(ask(wire.MsgBegin, wire.Dictionary{"uid": uint64(1) << 32}), "bad_request")
	m.refused(ask(wire.MsgBegin, wire.Dictionary{"uid": uint64(77)}), "unknown_account")
	m.ok(ask(wire.MsgBegin, wire.Dictionary{"uid": uint64(ada)}))
	m.refused(ask(wire.MsgBegin, wire.Dictionary{"uid": uint64(carol)}), "begun")
}
