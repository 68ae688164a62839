package main

import (
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
)

func clockSetBack(w *world) error {
	w.Say("  the Mac is restarted with its clock a day behind, without a network")
	if err := w.RebootWith(-24 * time.Hour); err != nil {
		return err
	}
	timed, err := w.ReadAloud(trial.Reception())
	if err != nil {
		return err
	}
	var pin, code string
	err = w.login(trial.Reception().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("This Mac is not sure of the time") },
			p.Contacts,
			func() error { return p.Enters("a PIN made from the time", timed) },
			func() error { return p.Sees("only a PIN made for it is taken now") },
			func() (err error) { code, err = p.Reads(`Device code\s+(\d{4} \d{4})`); return err },
			func() (err error) { pin, err = w.ReadAloud(trial.Reception(), "--device-code", code); return err },
			func() error { return p.Enters("the PIN for the device code", pin) },
			func() error { return p.Accepted(p.Later) },
		)
	})
	if err != nil {
		return err
	}
	w.remember(pin)
	return w.byWindow((*trial.Person).Later)
}

func rotated(w *world) error {
	w.Say("  the Mac is restarted with its clock right again")
	if err := w.RebootWith(24 * time.Hour); err != nil {
		return err
	}
	// The PIN of the last chapter that was not taken may be typed no more: a
	// rotation waits for one that is out.
	if err := w.Pass(4 * time.Minute); err != nil {
		return err
	}
	w.Network(true)
	if err := w.CheckIn(trial.Reception()); err != nil {
		return err
	}
	before, err := w.Account(trial.Reception())
	if err != nil {
		return err
	}
	pin, err := w.ReadAloud(trial.Reception())
	if err != nil {
		return err
	}
	w.remember(pin)
	w.Network(false)
	if err := w.byContact(pin, (*trial.Person).Later); err != nil {
		return err
	}
	w.Network(true)
	if err := w.CheckIn(trial.Reception()); err != nil {
		return err
	}
	after, err := w.Account(trial.Reception())
	if err != nil {
		return err
	}
	if after.Secret.Generation <= before.Secret.Generation {
		return fmt.Errorf("the secret was not rotated: generation %d after %d", after.Secret.Generation, before.Secret.Generation)
	}
	w.Network(false)
	w.Say("  the Mac's network is cut again")
	return w.byWindow((*trial.Person).Later)
}

func lockOut(w *world) error {
	if err := w.Pass(61 * time.Minute); err != nil {
		return err
	}
	right, err := w.ReadAloud(trial.Reception())
	if err != nil {
		return err
	}
	if err := w.misses(); err != nil {
		return err
	}
	if err := w.StartDaemon(); err != nil {
		return err
	}
	if err := w.refused("the right PIN", right, "Too many wrong PINs. Wait"); err != nil {
		return err
	}
	w.Say("  the Mac is restarted, and its clock set an hour ahead")
	if err := w.RebootWith(time.Hour); err != nil {
		return err
	}
	if err := w.refused("the right PIN", right, "Too many wrong PINs. Wait"); err != nil {
		return err
	}
	if err := w.RebootWith(-time.Hour); err != nil {
		return err
	}
	w.Network(true)
	if err := w.CheckIn(trial.Reception()); err != nil {
		return err
	}
	if err := w.Pass(2 * time.Minute); err != nil {
		return err
	}
	w.Network(false)
	if right, err = w.ReadAloud(trial.Reception()); err != nil {
		return err
	}
	w.remember(right)
	return w.byContact(right, (*trial.Person).Later)
}

// misses types five wrong PINs; then the daemon is killed under the screen,
// and the gate, which finds nobody, lets nobody in.
func (w *world) misses() error {
	return w.login(trial.Reception().Name, authhost.UserCanceled, func(p *trial.Person) error {
		if err := p.Contacts(); err != nil {
			return err
		}
		for i := range 5 {
			words := "This PIN is not good here and now. It may be older"
			if i == 4 {
				words = "Wait 60 seconds before the next try"
			}
			if err := trial.Steps(
				func() error { return p.Enters("a wrong PIN", wrongPIN(i)) },
				func() error { return p.Sees(words) },
				func() error { return sentAway(p, i) },
			); err != nil {
				return err
			}
		}
		w.Daemon.Kill()
		w.Say("  kill -9 of the daemon")
		return trial.Steps(
			func() error { return p.Sees("Continue") },
			func() error { return p.Presses("Continue", "enter") },
			func() error { return p.Sees("Name") },
			func() error { return p.Presses("Escape", "esc") },
		)
	})
}

// sentAway leaves Contact admin and comes back, so that the next screen's words
// are new ones.
func sentAway(p *trial.Person, i int) error {
	if i == 4 {
		return nil
	}
	return trial.Steps(
		func() error { return p.Presses("Another way", "tab", "tab", "enter") },
		func() error { return p.Sees("Choose how to go on") },
		p.Contacts,
	)
}

func typedNames(w *world) error {
	w.Network(true)
	if err := w.CheckIn(trial.Reception()); err != nil {
		return err
	}
	for _, typed := range []string{trial.Reception().Alias, trial.Reception().FullName} {
		if err := w.Pass(62 * time.Minute); err != nil {
			return err
		}
		w.Say("  typed at the login window: %q", typed)
		err := w.login(typed, authhost.Allow, func(p *trial.Person) error {
			return trial.Steps(
				func() error { return p.Sees("Enter your device access code") },
				p.EntersCode,
			)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func exemptUser(w *world) error {
	w.Say("  the MDM pushes the profile with MFANotRequiredList: %s", trial.ITAdmin().Name)
	if err := w.PushProfile("<key>MFANotRequiredList</key><array><string>" + trial.ITAdmin().Name + "</string></array>"); err != nil {
		return err
	}
	if err := w.Until("the new profile is in force", func() (bool, error) {
		s, err := w.Status()
		list, _ := s.Policy.Values["MFANotRequiredList"].Value.([]any)
		return len(list) == 1, err
	}); err != nil {
		return err
	}
	if err := w.login(trial.ITAdmin().Name, authhost.Allow, nil); err != nil {
		return err
	}
	w.Daemon.Kill()
	w.Say("  kill -9 of the daemon")
	if err := w.login(trial.ITAdmin().Name, authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(func() error { return p.Sees("Continue") }, func() error { return p.Presses("Continue", "enter") })
	}); err != nil {
		return err
	}
	return w.StartDaemon()
}
