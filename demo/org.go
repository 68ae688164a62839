package main

import (
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// office logs in the account whose person the org knows, with a phone of its
// own.
func (w *world) office(want authhost.Result, play func(*trial.Person) error) error {
	return w.Login(trial.Office().Name, &w.officePhone, want, play)
}

func connected(w *world) error {
	steps := trial.Steps(
		func() error { return w.AddUser(trial.OfficeLogin) },
		func() error { return w.AddPhone(trial.OfficeLogin) },
		func() (err error) { w.orgApp, err = w.AddApp(trial.OfficeLogin); return err },
	)
	if steps != nil {
		return steps
	}
	err := w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Protect your sign-in") },
			func() error { return p.Chooses("Connect your organization account") },
			func() error { return p.Sees("Organization user name") },
			func() error { return p.Enters("somebody else's name", "itadmin@example.com") },
			func() error { return p.Sees("does not belong to this Mac's account") },
			func() error { return p.Presses("nothing of it", clear(len("itadmin@example.com"))...) },
			func() error { return p.Enters("the name in the org", trial.OfficeLogin) },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return p.Shot("push") },
			func() error { return p.Matches(trial.OfficeLogin) },
			func() error { return p.Sees("Set up a factor that works without a network too") },
			p.SetsUpCode,
		)
	})
	if err != nil {
		return err
	}
	if err := w.CheckIn(trial.Office()); err != nil {
		return err
	}
	a, err := w.Account(trial.Office())
	w.Say("  status  %s is %s in the org", a.Name, a.Linked)
	return err
}

// clear empties a field of n characters.
func clear(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "backspace"
	}
	return keys
}

func pushed(w *world) error {
	if err := w.Pass(time.Minute); err != nil {
		return err
	}
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("connected to your organization account on") }, // as news of the last login
			func() error { return p.Chooses("Push to your phone") },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return w.Refuse(trial.OfficeLogin, false) },
			func() error { return p.Sees("The question was refused on the phone") },
			func() error { return p.Presses("Send again", "enter") },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return p.Matches(trial.OfficeLogin) },
		)
	})
}

func orgCode(w *world) error {
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Chooses("Code from your organization's app") },
			func() error { return p.Sees("type the code for your account " + trial.OfficeLogin) },
			func() error {
				return p.Enters("the code of the org's app", w.orgApp.Code(totp.Step(w.Clocks.Now())))
			},
		)
	})
}

func withoutNetwork(w *world) error {
	w.Network(false)
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("Your organization cannot be reached from here") },
			func() error { return p.Shot("offline") },
			func() error { return p.Chooses("Device access code") },
			func() error { return p.Sees("Enter your device access code") },
			p.EntersCode,
		)
	})
}

func offlineOver(w *world) error {
	if err := w.Pass(169 * time.Hour); err != nil {
		return err
	}
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("asks for an online sign-in at least every 24 hours") },
			func() error { return p.Sees("None of your ways to sign in can be used now") },
			func() error { return p.Shot("offline-over") },
			func() error { w.Say("  the network comes back"); w.Network(true); return nil },
			func() error { return p.Sees("● 1  Push to your phone") },
			func() error { return p.Presses("Push to your phone", "1", "enter") },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return p.Matches(trial.OfficeLogin) },
		)
	})
}

// inSession is a person who is logged in, at latchkey enrol.
func inSession(w *world) error {
	if err := w.Pass(time.Minute); err != nil {
		return err
	}
	code := func(key totp.Key) string { return key.Code(totp.Step(w.Clocks.Now())) }
	var second totp.Key
	err := w.Sits(trial.Office(), func(s *trial.Seat) error {
		return trial.Steps(
			func() error { return s.Chooses("Device access code") },
			func() error { return s.Types("Access code:", code(w.officePhone.Key)) },
			func() error { return s.Sees("That was you") },
			func() error { return s.Chooses("Set up another: Device access code") },
			func() (err error) { second, err = s.ReadsKey(); return err },
			func() error { return s.Types("First code:", code(second)) },
			func() error { return s.Sees("There is an older one") },
			func() error { return s.Types("/skip", "/skip") },
			func() error { return s.Sees("done") },
		)
	}, "enrol")
	if err != nil {
		return err
	}
	a, err := w.Account(trial.Office())
	w.Say("  status  %s has %d phones for device access codes", a.Name, len(a.Factors))
	if err == nil && len(a.Factors) != 2 {
		err = fmt.Errorf("%d phones are set up, want 2", len(a.Factors))
	}
	return err
}
