package main

import (
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
)

// rebootWith ends the daemon, begins another boot with the wall clock moved by
// d, and starts the daemon again.
func (w *world) rebootWith(d time.Duration) error {
	w.daemon.stop()
	w.boots++
	if err := w.clocks.reboot(fmt.Sprintf("boot-%d", w.boots), d); err != nil {
		return err
	}
	return w.startDaemon()
}

func clockSetBack(w *world) error {
	w.say("  the Mac is restarted with its clock a day behind, without a network")
	if err := w.rebootWith(-24 * time.Hour); err != nil {
		return err
	}
	timed, err := w.readAloud()
	if err != nil {
		return err
	}
	var pin, code string
	err = w.login(user.name, authhost.Allow, func(p *person) error {
		return steps(
			func() error { return p.sees("This Mac is not sure of the time") },
			p.contacts,
			func() error { return p.enters("a PIN made from the time", timed) },
			func() error { return p.sees("only a PIN made for it is taken now") },
			func() (err error) { code, err = p.reads(`Device code\s+(\d{4} \d{4})`); return err },
			func() (err error) { pin, err = w.readAloud("--device-code", code); return err },
			func() error { return p.enters("the PIN for the device code", pin) },
			func() error { return p.accepted(p.later) },
		)
	})
	if err != nil {
		return err
	}
	w.remember(pin)
	return w.byWindow((*person).later)
}

func rotated(w *world) error {
	w.say("  the Mac is restarted with its clock right again")
	if err := w.rebootWith(24 * time.Hour); err != nil {
		return err
	}
	w.network(true)
	if err := w.checkIn(); err != nil {
		return err
	}
	before, err := w.account()
	if err != nil {
		return err
	}
	pin, err := w.readAloud()
	if err != nil {
		return err
	}
	w.remember(pin)
	w.network(false)
	if err := w.byContact(pin, (*person).later); err != nil {
		return err
	}
	w.network(true)
	if err := w.checkIn(); err != nil {
		return err
	}
	after, err := w.account()
	if err != nil {
		return err
	}
	if after.Secret.Generation <= before.Secret.Generation {
		return fmt.Errorf("the secret was not rotated: generation %d after %d", after.Secret.Generation, before.Secret.Generation)
	}
	w.network(false)
	w.say("  the Mac's network is cut again")
	return w.byWindow((*person).later)
}

func lockOut(w *world) error {
	if err := w.pass(61 * time.Minute); err != nil {
		return err
	}
	right, err := w.readAloud()
	if err != nil {
		return err
	}
	if err := w.misses(); err != nil {
		return err
	}
	if err := w.startDaemon(); err != nil {
		return err
	}
	if err := w.refused("the right PIN", right, "Too many wrong PINs. Wait"); err != nil {
		return err
	}
	w.say("  the Mac is restarted, and its clock set an hour ahead")
	if err := w.rebootWith(time.Hour); err != nil {
		return err
	}
	if err := w.refused("the right PIN", right, "Too many wrong PINs. Wait"); err != nil {
		return err
	}
	if err := w.rebootWith(-time.Hour); err != nil {
		return err
	}
	w.network(true)
	if err := w.checkIn(); err != nil {
		return err
	}
	if err := w.pass(2 * time.Minute); err != nil {
		return err
	}
	w.network(false)
	if right, err = w.readAloud(); err != nil {
		return err
	}
	w.remember(right)
	return w.byContact(right, (*person).later)
}

// misses types five wrong PINs; then the daemon is killed under the screen,
// and the gate, which finds nobody, lets nobody in.
func (w *world) misses() error {
	return w.login(user.name, authhost.UserCanceled, func(p *person) error {
		if err := p.contacts(); err != nil {
			return err
		}
		for i := range 5 {
			words := "This PIN is not good here and now. It may be older"
			if i == 4 {
				words = "Wait 60 seconds before the next try"
			}
			if err := steps(
				func() error { return p.enters("a wrong PIN", wrongPIN(i)) },
				func() error { return p.sees(words) },
				func() error { return p.sentAway(i) },
			); err != nil {
				return err
			}
		}
		w.daemon.kill()
		w.say("  kill -9 of the daemon")
		return steps(
			func() error { return p.sees("Continue") },
			func() error { return p.presses("Continue", "enter") },
			func() error { return p.sees("Name") },
			func() error { return p.presses("Escape", "esc") },
		)
	})
}

// sentAway leaves Contact admin and comes back, so that the next screen's words
// are new ones.
func (p *person) sentAway(i int) error {
	if i == 4 {
		return nil
	}
	return steps(
		func() error { return p.presses("Another way", "tab", "tab", "enter") },
		func() error { return p.sees("Choose how to go on") },
		p.contacts,
	)
}

func typedNames(w *world) error {
	w.network(true)
	if err := w.checkIn(); err != nil {
		return err
	}
	for _, typed := range []string{user.alias, user.fullName} {
		if err := w.pass(2 * time.Minute); err != nil {
			return err
		}
		w.say("  typed at the login window: %q", typed)
		err := w.login(typed, authhost.Allow, func(p *person) error {
			return steps(
				func() error { return p.sees("Show that it is you") },
				func() error { return p.presses("Device access code", "2", "enter") },
				func() error { return p.sees("Enter your device access code") },
				p.entersCode,
			)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func exemptUser(w *world) error {
	w.say("  the MDM pushes the profile with MFANotRequiredList: %s", exempt.name)
	if err := w.pushProfile("<key>MFANotRequiredList</key><array><string>" + exempt.name + "</string></array>"); err != nil {
		return err
	}
	if err := w.until("the new profile is in force", func() (bool, error) {
		s, err := w.status()
		list, _ := s.Policy.Values["MFANotRequiredList"].Value.([]any)
		return len(list) == 1, err
	}); err != nil {
		return err
	}
	if err := w.login(exempt.name, authhost.Allow, nil); err != nil {
		return err
	}
	w.daemon.kill()
	w.say("  kill -9 of the daemon")
	if err := w.login(exempt.name, authhost.Allow, func(p *person) error {
		return steps(func() error { return p.sees("Continue") }, func() error { return p.presses("Continue", "enter") })
	}); err != nil {
		return err
	}
	return w.startDaemon()
}

func (w *world) until(what string, holds func() (bool, error)) error {
	deadline := time.After(patience)
	for {
		if ok, err := holds(); err != nil || ok {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("waited %s until %s", patience, what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
