package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
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
		w.Say("\n%2d. %s", i+1, c.title)
		if err := c.play(w); err != nil {
			return fmt.Errorf("chapter %d (%s): %w\nthe daemon's log:\n%s", i+1, c.title, err, w.logs())
		}
	}
	w.Say("\nEvery step was as told: %d chapters.", len(chapters()))
	return nil
}

func (w *world) logs() string {
	if w.Daemon == nil {
		return "(none)"
	}
	return w.Daemon.Log()
}

func chapters() []chapter {
	return []chapter{
		{"Server, network, profile from Jamf Pro, certificate over SCEP, daemon", func(w *world) error { return w.Start() }},
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
		{"An account is connected to its org user by a push with a number; an offline factor is set up", connected},
		{"A push is refused on the phone, and another approved with its number", pushed},
		{"The code of the org's app", orgCode},
		{"Without a network: the reason is on the screen, and the device access code works", withoutNetwork},
		{"The offline period is over; the network comes back while the panel is open", offlineOver},
		{"Within the session: another phone is set up, after a factor was shown", inSession},
		{"A security key for this Mac: its PIN, its tries, and no network", keyOfTheMac},
		{"The key is pulled out in the middle; a copy of it is found out", keyTrouble},
		{"A security key at the org: registered in a browser, it signs in at the Mac", keyOfTheOrg},
		{"A phone without a vendor's app: the org's page, its passkey, and the number typed", phonePage},
		{"The server's log has it all, and its chain holds", systemLog},
	}
}

func skipInGrace(w *world) error {
	err := w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Protect your sign-in") },
			func() error { return p.Sees("another 48 hours") },
			func() error { return p.Presses("Not now", "n", "enter") },
		)
	})
	if err != nil {
		return err
	}
	return w.CheckIn(trial.Reception())
}

func setUpCode(w *world) error {
	return w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Protect your sign-in") },
			p.SetsUpCode,
		)
	})
}

func loginWithCode(w *world) error {
	if err := w.Pass(2 * time.Minute); err != nil {
		return err
	}
	err := w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("A second factor was set up for you") },
			func() error { return p.Presses("Device access code", "enter") },
			func() error { return p.Sees("Enter your device access code") },
			p.EntersCode,
		)
	})
	if err != nil {
		return err
	}
	return w.login(trial.Reception().Name, authhost.UserCanceled, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Enter your device access code") },
			func() error { return p.Enters("the same code again", w.phone.Code) },
			func() error { return p.Sees("That code was used already") },
			p.Leaves,
		)
	})
}

// resetFactors is what the help desk does about the lost phone. The Mac hears of
// it only when the network is back: by then there is a new factor, which stays.
func (w *world) resetFactors() error {
	_, err := w.Desk(trial.HelpDesk, "device", "reset-factors", "--device", trial.MachineSerial, "--user", trial.Reception().Name)
	w.Say("  help desk resets the lost factor")
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

func factorLost(w *world) error {
	w.Network(false)
	w.Say("  the Mac's network is cut")
	var pin string
	return w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Enter your device access code") },
			p.Contacts,
			func() error { return p.Sees("111-222-3333") },
			func() error { return p.Sees(trial.MachineName) },
			func() error { return p.Shot("contact-admin") },
			func() (err error) { pin, err = w.ReadAloud(trial.Reception()); return err },
			w.resetFactors,
			func() error { return p.Enters("the PIN with two digits swapped", swapped(pin)) },
			func() error { return p.Sees("two are swapped. Nothing was counted") },
			func() error { return p.Enters("the PIN", pin) },
			func() error { return p.Sees("Recovery PIN accepted") },
			func() error { w.remember(pin); return p.Shot("pin-accepted") },
			p.Later,
		)
	})
}

// remember notes a PIN for a later chapter.
func (w *world) remember(pin string) { w.pins = append(w.pins, pin) }

func (w *world) lastPIN() string { return w.pins[len(w.pins)-1] }

// byWindow logs in with the PIN of the open window.
func (w *world) byWindow(answer func(*trial.Person) error) error {
	return w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Recovery PIN") },
			func() error { return p.Presses("Recovery PIN", "enter") },
			func() error { return p.Sees("Enter your recovery PIN") },
			func() error { return p.Enters("the same PIN", w.lastPIN()) },
			func() error { return p.Accepted(func() error { return answer(p) }) },
		)
	})
}

func samePIN(w *world) error {
	if err := w.Pass(20 * time.Minute); err != nil {
		return err
	}
	return w.byWindow((*trial.Person).Later)
}

// byContact logs in with a new PIN.
func (w *world) byContact(pin string, answer func(*trial.Person) error) error {
	return w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			p.Contacts,
			func() error { return p.Enters("the PIN", pin) },
			func() error { return p.Accepted(func() error { return answer(p) }) },
		)
	})
}

func secondPIN(w *world) error {
	if err := w.Pass(30 * time.Minute); err != nil {
		return err
	}
	first := w.lastPIN()
	pin, err := w.ReadAloud(trial.Reception())
	if err != nil {
		return err
	}
	w.remember(pin)
	if err := w.byContact(pin, (*trial.Person).Later); err != nil {
		return err
	}
	a, err := w.Account(trial.Reception())
	if err != nil {
		return err
	}
	w.Say("  the window is open for another %s", time.Duration(a.WindowLeftSeconds)*time.Second)
	if a.WindowLeftSeconds < 55*60 {
		return fmt.Errorf("the second PIN did not restart the window: %d seconds are left", a.WindowLeftSeconds)
	}
	return w.refused("the first PIN", first, "This PIN has expired")
}

// refused wants a PIN not to be taken, with those words.
func (w *world) refused(what, pin, words string) error {
	return w.login(trial.Reception().Name, authhost.UserCanceled, func(p *trial.Person) error {
		return trial.Steps(
			p.Contacts,
			func() error { return p.Enters(what, pin) },
			func() error { return p.Sees(words) },
			p.Leaves,
		)
	})
}

func newCode(w *world) error {
	before := w.phone.Key
	err := w.byWindow(func(p *trial.Person) error {
		return trial.Steps(
			p.SetsUpCode,
			func() error { return p.Sees("There is an older one for you") },
			func() error { return p.Presses("Remove the old", "enter") },
		)
	})
	if err != nil {
		return err
	}
	if string(before.Secret()) == string(w.phone.Key.Secret()) {
		return fmt.Errorf("the new device access code has the old key")
	}
	return nil
}

func afterTheWindow(w *world) error {
	if err := w.Pass(61 * time.Minute); err != nil {
		return err
	}
	if err := w.refused("the PIN of before", w.lastPIN(), "This PIN has expired"); err != nil {
		return err
	}
	return w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("A second factor was set up for you") },
			func() error { return p.Presses("Device access code", "enter") },
			func() error { return p.Sees("Enter your device access code") },
			p.EntersCode,
		)
	})
}

func oldPIN(w *world) error {
	pin, err := w.ReadAloud(trial.Reception())
	if err != nil {
		return err
	}
	if err := w.Pass(3 * time.Minute); err != nil {
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
	if _, err := w.Latchkey("check-in"); err != nil {
		return err
	}
	out, err := w.Desk(trial.Admin, "events", "list", "--limit", "500", "--json")
	if err != nil {
		return err
	}
	for _, name := range []string{"recovery_pin.generate", "recovery_pin.activate", "recovery_pin.reuse", "recovery_pin.reject", "recovery_pin.lock",
		"recovery_pin.expire", "recovery_pin.rotate_secret", "enrollment.create", "login.allow", "clock.rollback", "account.link"} {
		n := strings.Count(out, `"device.desktop_mfa.`+name+`"`)
		w.Say("  %3d  device.desktop_mfa.%s", n, name)
		if n == 0 {
			return fmt.Errorf("the server's log has no %s", name)
		}
	}
	verified, err := w.Desk(trial.Admin, "events", "verify")
	w.Say("  %s", verified)
	return err
}
