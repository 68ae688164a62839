package stories

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/plugin/mechanism"
)

// setting is a further key of the profile, with its value as the list has it.
func setting(key, value string) string { return "<key>" + key + "</key>" + value }

// kills ends the daemon as a crash does.
func (m *mac) kills() { m.Daemon.Kill() }

// starts brings the daemon up again.
func (m *mac) starts() {
	m.t.Helper()
	m.must(m.StartDaemon())
}

// After an upgrade the daemon is late: the window waits for seconds, not for
// ever, says whom to call, and goes on where the daemon has come up.
func TestStory04_TheFirstLoginAfterAnUpgradeIsSlow(t *testing.T) {
	m := aMac(t).enrolled()
	m.kills()
	m.out(sees("111-222-3333"), carriesOn)
	m.in(sees("Verification is not available"), sees(trial.MachineName), aside(m.starts), carriesOn, again(m), theCode)
}

// What an administrator changes takes effect without anybody being thrown out
// of a login that is under way.
func TestStory05_AChangeWhileSomebodyLogsIn(t *testing.T) {
	m := aMac(t).enrolled()
	change := aside(func() { m.push(setting("OfflineLoginAllowed", "<true/>")) })
	m.in(theScreenForACode, change, theCode)
	m.out(aWrongCode, aside(func() { m.push() }))
}

// Whoever is not the login window asks the sockets, even where their modes
// were loosened.
func TestStory09_StrangersAtTheSockets(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root can be somebody else")
	}
	m := aMac(t).enrolled()
	for _, socket := range []string{"prompt.sock", "gate.sock", "control.sock"} {
		m.must(os.Chmod(filepath.Join(m.Sockets(), socket), 0o666))
	}
	for _, uid := range []uint32{92, 65534} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(m.Bin, "latchkey"), "factors", "remove", trial.Reception().Name, "any", "--sockets", m.Sockets())
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if out, err := cmd.CombinedOutput(); err == nil || strings.Contains(string(out), "no factor") {
			t.Errorf("uid %d was answered: %v\n%s", uid, err, out)
		}
	}
	m.rightOneInWrongOneOut()
}

// A profile, a gate file and a contact file that nobody can read: none of them
// decides while the daemon does, and none lets anybody in when it does not.
func TestStory12_OurOwnFilesAreBroken(t *testing.T) {
	m := aMac(t).enrolled()
	m.push(setting("LatchkeyUnavailablePolicy", "<string>allow</string>"))
	gate, contact := m.Path("files", "gate.json"), m.Path("files", "contact.json")
	m.breaks(m.Profile(), gate, contact)
	m.policyIs("bad")
	m.rightOneInWrongOneOut()
	m.kills()
	m.breaks(gate, contact) // again: the daemon mends them while it runs
	m.out(carriesOn)
	m.starts() // writes both files anew, from the last good profile
	m.must(m.Pass(time.Minute))
	m.rightOneInWrongOneOut()
}

// breaks leaves nothing readable in these files.
func (m *mac) breaks(files ...string) {
	m.t.Helper()
	for _, file := range files {
		m.must(os.WriteFile(file, []byte("#no shebang"), 0o644))
	}
}

func (m *mac) policyIs(state string) {
	m.t.Helper()
	m.must(m.Until("the profile is "+state, func() (bool, error) {
		s, err := m.Status()
		return s.Policy.State == state, err
	}))
}

// Nothing can be drawn. The login window is not held, and who needs a factor
// is sent back to the password; with a screen the same person gets in.
func TestStory14_ABlackScreen(t *testing.T) {
	m := aMac(t).enrolled()
	m.push(setting("MFANotRequiredList", "<array><string>"+trial.ITAdmin().Name+"</string></array>"))
	for account, want := range map[trial.Account]authhost.Result{trial.Reception(): authhost.Deny, trial.ITAdmin(): authhost.Allow} {
		out, steps := m.dark(account)
		if out.Result != want || !strings.Contains(steps, "Latchkey:gate") {
			t.Errorf("%s without a screen: %s, want %s\n%s", account.Name, out, want, steps)
		}
	}
	m.rightOneInWrongOneOut()
}

// dark is a login without a screen, in one round.
func (m *mac) dark(a trial.Account) (authhost.Outcome, string) {
	m.t.Helper()
	o, err := m.Window(nil, nil)
	m.must(err)
	// A session of its own: the terminal that the tests run on is no screen.
	o.Host = m.Path("dark-host")
	m.must(os.WriteFile(o.Host, []byte(fmt.Sprintf("#!/bin/sh\nexec setsid %s/latchkey-host \"$@\"\n", m.Bin)), 0o755))
	var steps bytes.Buffer
	o.Transcript, o.Right.Tries = &steps, 1
	o.FileVault = &authhost.Credentials{Name: a.Name, Password: []byte(m.Password)}
	out, err := authhost.Run(m.t.Context(), o)
	m.must(err)
	return out, steps.String()
}

func TestStory20_TheScreenAfterAFailure(t *testing.T) {
	m := aMac(t).enrolled()
	fresh := func(p *person) error {
		if err := theScreenForACode(p); err != nil {
			return err
		}
		if strings.Contains(p.Screen(), "not right") {
			return fmt.Errorf("the last round's error is still there")
		}
		return nil
	}
	m.in(aWrongCode, presses("Back to the password", "esc"), again(m), fresh, theCode)
	m.out(fresh, aWrongCode)
}

// The daemon's own file is damaged: it is set aside, the daemon starts by
// itself, lets nobody in before the server was asked, and the person who has
// lost the factor with it is let in by a PIN. The grace does not begin again.
func TestStory22_HealsByItself(t *testing.T) {
	m := aMac(t).enrolled()
	m.must(m.Pass(49 * hour))
	m.must(m.CheckIn(trial.Reception()))
	m.Network(false)
	m.Daemon.Stop()
	m.must(os.WriteFile(filepath.Join(m.State(), "store.db"), bytes.Repeat([]byte("damage "), 10_000), 0o600))
	m.starts()
	m.out()
	m.Network(true)
	m.must(m.Until("a check-in has brought back what the server knows", func() (bool, error) {
		_, _ = m.Latchkey("check-in")
		s, err := m.Status()
		return s.Store == "good", err
	}))
	m.out(sees("A second factor is needed"))
	m.must(m.CheckIn(trial.Reception()))
	m.in(thePIN(m.pin()))
}

// A tool that sets Macs up at the login window needs the factor out of the way
// for a while, with the daemon or without.
func TestStory23_TheKillSwitch(t *testing.T) {
	m := aMac(t).enrolled()
	file := m.Path("files", "kill-switch")
	m.must(os.WriteFile(file, nil, 0o600))
	m.outWithAWrongPassword()
	m.in()
	m.kills()
	m.in(carriesOn)
	m.starts()
	s, err := m.Status()
	m.must(err)
	if !s.KillSwitch {
		t.Error("status does not tell of the kill-switch")
	}
	m.must(os.Remove(file))
	m.rightOneInWrongOneOut()
}

// An updater takes the daemon away in the middle of a login and puts a new one
// there: the login window stays, nobody is restarted, the person goes on.
func TestStory24_AnUpdateUnderALiveLoginWindow(t *testing.T) {
	m := aMac(t).enrolled()
	update := aside(func() {
		daemon := filepath.Join(m.Bin, "latchkeyd")
		raw, err := os.ReadFile(daemon)
		m.must(err)
		m.must(os.WriteFile(daemon+".new", raw, 0o755))
		m.Daemon.Stop()
		m.must(os.Rename(daemon+".new", daemon))
		m.starts()
	})
	m.in(theScreenForACode, update, carriesOn, again(m), theCode)
	m.out(aWrongCode, update, carriesOn)
}

// Whether a Mac is armed reaches the people who have to notice that it is not.
func TestStory25_AnUpdateRemovedTheMechanism(t *testing.T) {
	m := aMac(t).enrolled()
	s, err := m.Status()
	m.must(err)
	shown, err := m.Desk(trial.HelpDesk, "device", "show", trial.MachineSerial)
	m.must(err)
	if s.Armed.State == "" || !strings.Contains(shown, "armed: "+s.Armed.State) {
		t.Errorf("the Mac says %+v, the server shows\n%s", s.Armed, shown)
	}
	m.rightOneInWrongOneOut()
}

func setupAssistant() trial.Account {
	return trial.Account{Name: "_mbsetupuser", FullName: "Setup User", GUID: "8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A4F03", UID: 248}
}

// Setup Assistant's user passes, with the daemon and without. Without any user
// nobody does.
func TestStory26_NobodyIsThereYet(t *testing.T) {
	t.Parallel()
	m := &mac{World: programs.Started(t, trial.Options{Accounts: []trial.Account{trial.Reception(), setupAssistant()}}), t: t}
	m.enrolled()
	m.as(setupAssistant(), authhost.Allow)
	m.kills()
	m.as(setupAssistant(), authhost.Allow, carriesOn)
	m.out(carriesOn)
	m.starts()
	first, err := m.Window(nil, nil)
	m.must(err)
	first.Right = aRight(t, "builtin:prelogin", "Latchkey:prompt", "Latchkey:gate,privileged", "loginwindow:done")
	first.Right.Tries = 1
	if out, err := authhost.Run(t.Context(), first); err != nil || out.Result != authhost.Deny {
		t.Errorf("before anybody has typed a name: %s, %v", out, err)
	}
	m.rightOneInWrongOneOut()
}

// The daemon is there and answers nothing, at any step. Every wait has an end,
// and nobody gets in by waiting.
func TestStory27_TheDaemonHangs(t *testing.T) {
	m := aMac(t).enrolled()
	m.push(setting("MFANotRequiredList", "<array><string>"+trial.ITAdmin().Name+"</string></array>"))
	goOn := m.hangs(m.Daemon)
	m.as(trial.ITAdmin(), authhost.Allow, carriesOn)
	m.in(sees("Verification is not available"), aside(goOn), carriesOn, again(m), theCode)
	m.out(theScreenForACode, aside(func() { m.hangs(m.Daemon) }), enters("a code", "000000"), sees("Verification is not available"), aside(goOn), carriesOn)
}

// The profile goes, and with it the second factor; then the daemon goes too,
// and the mechanisms are still in the list. When the profile is back, so is
// the factor, with all that was set up.
func TestStory28_TurnedOffButStillInTheList(t *testing.T) {
	m := aMac(t).enrolled()
	m.must(os.Remove(m.Profile()))
	m.policyIs("gone")
	m.out(aWrongCode)
	m.must(m.Pass(16 * time.Minute))
	_, err := m.Latchkey("check-in") // what the daemon does every minute comes before it
	m.must(err)
	m.outWithAWrongPassword()
	m.in()
	m.kills()
	m.in(carriesOn)
	m.outWithAWrongPassword()
	m.starts()
	m.must(m.PushProfile())
	m.policyIs("good")
	m.rightOneInWrongOneOut()
}

// One person's misses and a setting that takes a factor away are met by that
// person alone, who still gets in by a PIN.
func TestStory35_OneFailureIsNotEverybodys(t *testing.T) {
	m := aMac(t).enrolled()
	var wrong []step
	for range 4 {
		wrong = append(wrong, aWrongCode, presses("Another way", "tab", "tab", "enter"), sees("Choose how to go on"))
	}
	m.out(append(wrong, theScreenForACode, enters("a wrong code", "000000"), sees("Too many wrong codes"))...)
	m.as(trial.ITAdmin(), authhost.Allow, sees("Protect your sign-in"), notNow)
	m.push(setting("AllowedFactors", "<array><string>OV_Push</string></array>"))
	m.out(sees("A second factor is needed"), aWrongPIN)
	m.as(trial.ITAdmin(), authhost.Allow, sees("Protect your sign-in"), notNow)
	m.in((*person).Contacts, enters("the PIN", m.pin()), later) // an org account could be connected
}

// What happens without the daemon is written down, not left to chance: two
// policies, three ways of being away, and one that answers.
func TestStory36_FailOpenOnlyWhereItIsSaid(t *testing.T) {
	m := aMac(t).enrolled()
	hung := func(want bool) {
		t.Helper()
		goOn := m.hangs(m.Daemon)
		defer goOn()
		gate := mechanism.Gate{Socket: filepath.Join(m.Sockets(), "gate.sock"), File: m.Path("files", "gate.json"),
			Patience: mechanism.GatePatience{Exempt: 50 * time.Millisecond, Hung: 300 * time.Millisecond}}
		if got := gate.Decide(t.Context(), trial.Reception().UID, nil); got != want {
			t.Errorf("a hung daemon: allowed is %v", got)
		}
	}
	hung(false)
	m.kills()
	m.out(carriesOn)
	m.starts()
	m.push(setting("LatchkeyUnavailablePolicy", "<string>allow</string>"))
	m.out(aWrongCode)
	hung(true)
	m.kills()
	m.in(carriesOn)
	m.outWithAWrongPassword()
	m.must(os.Remove(m.Path("files", "gate.json"))) // no file says nothing
	m.out(carriesOn)
	m.starts()
	m.in(theCode)
}
