package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// chapter is one part of the story.
type chapter struct {
	title string
	play  func(*world) error
}

// story plays every chapter and stops at the first that differs.
func (w *world) story() error {
	for i, c := range chapters() {
		w.say("\n%2d. %s", i+1, c.title)
		if err := c.play(w); err != nil {
			return fmt.Errorf("chapter %d (%s): %w\nthe daemon's log:\n%s", i+1, c.title, err, w.logs())
		}
	}
	w.say("\nEvery step was as told: %d chapters.", len(chapters()))
	return nil
}

func (w *world) logs() string {
	if w.daemon == nil {
		return "(none)"
	}
	return w.daemon.log.String()
}

func chapters() []chapter {
	return []chapter{
		{"Server, network, profile from Jamf Pro, certificate over SCEP, daemon", (*world).start},
		{"In the grace period: the password suffices, and enrolment is skipped", skipInGrace},
		{"The device access code is set up", setUpCode},
		{"Login with the device access code; the same code again is refused", loginWithCode},
		{"The network is cut. Factor lost: Contact admin, a PIN, mistyped once, then accepted", factorLost},
		{"Twenty minutes on: the same PIN works again inside its window", samePIN},
		{"A second PIN restarts the window, and the first has expired", secondPIN},
		{"Inside the window a new device access code is set up", newCode},
		{"After the window the PIN is refused", afterTheWindow},
		{"A PIN older than two minutes is refused", oldPIN},
		{"The clock is set back: a PIN for the device code, and no other", clockSetBack},
		{"The network is back. A secret is rotated while its PIN's window is open", rotated},
		{"Five misses lock; kill -9 does not shorten it, and the right PIN has to wait", lockOut},
		{"An alias and a full name meet the second factor too", typedNames},
		{"A user on MFANotRequiredList is left alone, with the daemon and without", exemptUser},
		{"The server's log has it all, and its chain holds", systemLog},
	}
}

func skipInGrace(w *world) error {
	err := w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("Protect your sign-in") },
			func() error { return p.sees("another 48 hours") },
			func() error { return p.presses("Not now", "n", "enter") },
		)
	})
	if err != nil {
		return err
	}
	return w.checkIn()
}

// checkIn has the Mac talk to its server, and wants the secret confirmed.
func (w *world) checkIn() error {
	if _, err := w.latchkey("check-in"); err != nil {
		return err
	}
	state, err := w.account()
	if err != nil {
		return err
	}
	w.say("  check-in: the recovery secret is %s, generation %d", state.Secret.State, state.Secret.Generation)
	if state.Secret.State != "current" {
		return fmt.Errorf("the recovery secret is %s after a check-in", state.Secret.State)
	}
	return nil
}

func (w *world) status() (s wire.Status, err error) {
	out, err := w.latchkey("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}

func (w *world) account() (wire.AccountStatus, error) {
	s, err := w.status()
	if err != nil {
		return wire.AccountStatus{}, err
	}
	for _, a := range s.Accounts {
		if a.Name == user.name {
			return a, nil
		}
	}
	return wire.AccountStatus{}, fmt.Errorf("status knows no account %s", user.name)
}

func setUpCode(w *world) error {
	return w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("Protect your sign-in") },
			func() error { return p.presses("Set up now", "enter") },
			p.setsUp,
		)
	})
}

func loginWithCode(w *world) error {
	if err := w.pass(2 * time.Minute); err != nil {
		return err
	}
	err := w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("A second factor was set up for you") },
			func() error { return p.presses("Device access code", "enter") },
			func() error { return p.sees("Enter your device access code") },
			p.entersCode,
		)
	})
	if err != nil {
		return err
	}
	return w.login(user.name, authhost.UserCanceled, func(p *person) error {
		return steps(
			func() error { return p.sees("Enter your device access code") },
			func() error { return p.enters("the same code again", p.phone.code) },
			func() error { return p.sees("That code was used already") },
			p.leaves,
		)
	})
}

// pass lets time go by on every clock. The clocks are two files: a check-in
// between the two writes would carry one clock's time over to the other, so
// none is let through meanwhile.
func (w *world) pass(d time.Duration) error {
	w.say("  %s go by", d)
	up := w.up
	w.network(false)
	defer w.network(up)
	if _, err := w.latchkey("status"); err != nil { // by its answer, what was under way has ended
		return err
	}
	return w.clocks.pass(d)
}

// readAloud is the help desk: it makes a PIN and reads it out.
func (w *world) readAloud(more ...string) (string, error) {
	args := append([]string{"pin", "generate", "--device", machineSerial, "--user", user.name, "--reason", "lost phone", "--ticket", "INC-4711"}, more...)
	out, err := w.desk("helpdesk", append(args, "--json")...)
	if err != nil {
		return "", err
	}
	var issued wire.IssuedPIN
	if err := json.Unmarshal([]byte(out), &issued); err != nil {
		return "", err
	}
	w.say("  help desk reads a PIN aloud (%s, good for %d minutes once used)", issued.Method, issued.DurationMinutes)
	return issued.PIN, nil
}

// resetFactors is what the help desk does about the lost phone. The Mac hears of
// it only when the network is back: by then there is a new factor, which stays.
func (w *world) resetFactors() error {
	_, err := w.desk("helpdesk", "device", "reset-factors", "--device", machineSerial, "--user", user.name)
	w.say("  help desk resets the lost factor")
	return err
}

// swapped is how a PIN is misheard.
func swapped(pin string) string {
	for i := 0; i+1 < len(pin); i++ {
		if pin[i] != pin[i+1] {
			return pin[:i] + pin[i+1:i+2] + pin[i:i+1] + pin[i+2:]
		}
	}
	return pin
}

// accepted wants the screen after a good PIN, and answers its offer.
func (p *person) accepted(answer func() error) error {
	return steps(func() error { return p.sees("Recovery PIN accepted") }, answer)
}

func (p *person) later() error { return p.presses("Later", "l", "enter") }

func (p *person) contacts() error {
	return steps(
		func() error { return p.waits("Contact admin") }, // a key before the screen goes nowhere
		func() error { return p.presses("Contact admin", "f1") },
		func() error { return p.sees("Contact your administrator") },
	)
}

func factorLost(w *world) error {
	w.network(false)
	w.say("  the Mac's network is cut")
	var pin string
	return w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("Enter your device access code") },
			p.contacts,
			func() error { return p.sees("111-222-3333") },
			func() error { return p.sees(machineName) },
			func() error { return p.shot("contact-admin") },
			func() (err error) { pin, err = w.readAloud(); return err },
			w.resetFactors,
			func() error { return p.enters("the PIN with two digits swapped", swapped(pin)) },
			func() error { return p.sees("two are swapped. Nothing was counted") },
			func() error { return p.enters("the PIN", pin) },
			func() error { return p.sees("Recovery PIN accepted") },
			func() error { w.remember(pin); return p.shot("pin-accepted") },
			p.later,
		)
	})
}

// remember notes a PIN for a later chapter.
func (w *world) remember(pin string) { w.pins = append(w.pins, pin) }

func (w *world) lastPIN() string { return w.pins[len(w.pins)-1] }

// byWindow logs in with the PIN of the open window.
func (w *world) byWindow(answer func(*person) error) error {
	return w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("Recovery PIN") },
			func() error { return p.presses("Recovery PIN", "enter") },
			func() error { return p.sees("Enter your recovery PIN") },
			func() error { return p.enters("the same PIN", w.lastPIN()) },
			func() error { return p.accepted(func() error { return answer(p) }) },
		)
	})
}

func samePIN(w *world) error {
	if err := w.pass(20 * time.Minute); err != nil {
		return err
	}
	return w.byWindow((*person).later)
}

// byContact logs in with a new PIN.
func (w *world) byContact(pin string, answer func(*person) error) error {
	return w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			p.contacts,
			func() error { return p.enters("the PIN", pin) },
			func() error { return p.accepted(func() error { return answer(p) }) },
		)
	})
}

func secondPIN(w *world) error {
	if err := w.pass(30 * time.Minute); err != nil {
		return err
	}
	first := w.lastPIN()
	pin, err := w.readAloud()
	if err != nil {
		return err
	}
	w.remember(pin)
	if err := w.byContact(pin, (*person).later); err != nil {
		return err
	}
	a, err := w.account()
	if err != nil {
		return err
	}
	w.say("  the window is open for another %s", time.Duration(a.WindowLeftSeconds)*time.Second)
	if a.WindowLeftSeconds < 55*60 {
		return fmt.Errorf("the second PIN did not restart the window: %d seconds are left", a.WindowLeftSeconds)
	}
	return w.refused("the first PIN", first, "This PIN has expired")
}

// refused wants a PIN not to be taken, with those words.
func (w *world) refused(what, pin, words string) error {
	return w.login(user.name, authhost.UserCanceled, func(p *person) error {
		return steps(
			p.contacts,
			func() error { return p.enters(what, pin) },
			func() error { return p.sees(words) },
			p.leaves,
		)
	})
}

func newCode(w *world) error {
	before := w.phone.key
	err := w.byWindow(func(p *person) error {
		return steps(func() error { return p.presses("Set up now", "enter") }, p.setsUp)
	})
	if err != nil {
		return err
	}
	if string(before.Secret()) == string(w.phone.key.Secret()) {
		return fmt.Errorf("the new device access code has the old key")
	}
	return nil
}

func afterTheWindow(w *world) error {
	if err := w.pass(61 * time.Minute); err != nil {
		return err
	}
	if err := w.refused("the PIN of before", w.lastPIN(), "This PIN has expired"); err != nil {
		return err
	}
	return w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("A second factor was set up for you") },
			func() error { return p.presses("Device access code", "enter") },
			func() error { return p.sees("Enter your device access code") },
			p.entersCode,
		)
	})
}

func oldPIN(w *world) error {
	pin, err := w.readAloud()
	if err != nil {
		return err
	}
	if err := w.pass(3 * time.Minute); err != nil {
		return err
	}
	return w.refused("the PIN", pin, "It may be older than two minutes")
}

// Of a PIN's check digit, for wrong ones that are no typing errors.
func wrongPIN(n int) string {
	for i := 0; ; i++ {
		pin := fmt.Sprintf("%08d%d", 10203040+n*7001, i)
		if _, err := recoverypin.ParsePIN(pin); err == nil {
			return pin
		}
	}
}

func systemLog(w *world) error {
	if _, err := w.latchkey("check-in"); err != nil {
		return err
	}
	out, err := w.desk("admin", "events", "list", "--limit", "500", "--json")
	if err != nil {
		return err
	}
	for _, name := range []string{"recovery_pin.generate", "recovery_pin.activate", "recovery_pin.reuse", "recovery_pin.reject", "recovery_pin.lock",
		"recovery_pin.expire", "recovery_pin.rotate_secret", "enrollment.create", "login.allow", "clock.rollback"} {
		n := strings.Count(out, `"device.desktop_mfa.`+name+`"`)
		w.say("  %3d  device.desktop_mfa.%s", n, name)
		if n == 0 {
			return fmt.Errorf("the server's log has no %s", name)
		}
	}
	verified, err := w.desk("admin", "events", "verify")
	w.say("  %s", verified)
	return err
}
