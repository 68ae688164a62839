package main

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// keyPIN is the PIN of office's security key.
const keyPIN = "a key's PIN"

// keyOfTheMac is a security key that this Mac verifies: set up within the
// session, then used without a network.
func keyOfTheMac(w *world) error {
	var err error
	if w.key, err = softkey.Plug(w.Keys(), "key", softkey.Options{PIN: keyPIN}); err != nil {
		return err
	}
	w.Say("  a security key with a PIN is plugged in")
	if err := w.Pass(time.Minute); err != nil {
		return err
	}
	err = w.Sits(trial.Office(), func(s *trial.Seat) error {
		return trial.Steps(
			func() error { return s.Chooses("Device access code") },
			func() error {
				return s.Types("Access code:", w.officePhone.Key.Code(totp.Step(w.Clocks.Now())))
			},
			func() error { return s.Sees("That was you") },
			func() error { return s.Chooses("Set up: Security key for this Mac") },
			func() error { return s.Types("PIN of the key:", keyPIN) },
			func() error { return s.Sees("Touch your security key") },
			func() error { return s.Sees("done") },
		)
	}, "enrol")
	if err != nil {
		return err
	}
	w.Network(false)
	w.Say("  the Mac's network is cut, and the key is pulled out")
	if err := w.key.Pull(); err != nil {
		return err
	}
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Chooses("Security key for this Mac") },
			func() error { return p.Sees("Plug your security key into this Mac") },
			func() error { return p.Shot("key-insert") },
			w.key.PutIn,
			func() error { return p.Sees("8 tries are left before the key locks for good") },
			func() error { return p.Enters("a wrong PIN", "not its PIN") },
			func() error { return p.Sees("That is not the PIN of this key") },
			func() error { return p.Sees("7 tries are left") },
			func() error { return p.Shot("key-pin") },
			func() error { return p.Enters("the key's PIN", keyPIN) },
		)
	})
}

// keyTrouble is a key that is pulled out in the middle, and then one of which
// there is a copy.
func keyTrouble(w *world) error {
	w.key.SetTouch(softkey.OnDemand)
	err := w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Chooses("Security key for this Mac") },
			func() error { return p.Sees("tries are left") },
			func() error { return p.Enters("the key's PIN", keyPIN) },
			func() error { return p.Sees("Touch your security key where it blinks") },
			w.key.Pull,
			func() error { return p.Sees("The key was pulled out before it was done") },
			w.key.PutIn,
			func() error { return p.Sees("tries are left") },
			func() error { return p.Enters("the key's PIN", keyPIN) },
			func() error { return p.Sees("Touch your security key where it blinks") },
			func() error { w.Say("  touches the key"); w.key.Touch(); return nil },
		)
	})
	if err != nil {
		return err
	}
	copied, err := w.copyOfTheKey()
	if err != nil {
		return err
	}
	defer copied.Close() //nolint:errcheck // it was pulled out before
	if err := trial.Steps(func() error { return w.byKey(authhost.Allow, nil) }, copied.Pull, w.key.PutIn); err != nil {
		return err
	}
	w.Say("  the key itself is plugged in again")
	defer w.Network(true)
	return w.byKey(authhost.UserCanceled, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Sees("There seems to be a copy of this key, so it is closed") },
			func() error { return p.Shot("key-refused") },
			p.Leaves,
		)
	})
}

// copyOfTheKey puts one in its place.
func (w *world) copyOfTheKey() (*softkey.Key, error) {
	w.key.SetTouch(softkey.AtOnce)
	if err := w.key.Pull(); err != nil {
		return nil, err
	}
	w.Say("  somebody has made a copy of the key, and plugs it in")
	return w.key.Clone(w.Keys(), "copy")
}

// byKey is a login with the key of this Mac.
func (w *world) byKey(want authhost.Result, then func(p *trial.Person) error) error {
	return w.office(want, func(p *trial.Person) error {
		err := trial.Steps(
			func() error { return p.Chooses("Security key for this Mac") },
			func() error { return p.Sees("tries are left") },
			func() error { return p.Enters("the key's PIN", keyPIN) },
		)
		if err != nil || then == nil {
			return err
		}
		return then(p)
	})
}

// keyOfTheOrg is a security key that the org verifies: registered in a browser
// by an invitation, it works on every Mac of the person's.
func keyOfTheOrg(w *world) error {
	if err := w.key.Close(); err != nil {
		return err
	}
	var err error
	if w.key, err = softkey.Plug(w.Keys(), "another", softkey.Options{PIN: keyPIN}); err != nil {
		return err
	}
	w.Say("  a new security key is plugged in")
	if err := w.AddKey(trial.OfficeLogin, keyPIN); err != nil {
		return err
	}
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Chooses("Security key") },
			func() error { return p.Sees("tries are left") },
			func() error { return p.Enters("the key's PIN", keyPIN) },
		)
	})
}

// phonePage is the org's own page in the place of a vendor's app.
func phonePage(w *world) error {
	phone, err := w.AddPage(trial.OfficeLogin)
	if err != nil {
		return err
	}
	return w.office(authhost.Allow, func(p *trial.Person) error {
		return trial.Steps(
			func() error { return p.Chooses("Push to your phone") },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return p.MatchesOn(phone, trial.OfficeLogin) },
		)
	})
}
