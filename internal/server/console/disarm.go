package console

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// disarmForm is the dialog before a remote disarm.
type disarmForm struct {
	Device        desk.Mac
	Reason, Until string
	// Provider is where one authenticates; empty: here, with TOTP or Passkey.
	Provider      string
	Proven        bool // there, just now
	TOTP, Passkey bool
}

func disarmPath(id string) string { return "/devices/" + url.PathEscape(id) + "/disarm" }

func (c *Console) disarmForm(r *request) (disarmForm, error) {
	m, err := c.Desk.Device(r.ctx, r.PathValue("deviceId"))
	f := disarmForm{Device: m, Reason: cut(r.FormValue("reason"), maxForm), Until: dayTime(c.Now().Add(directory.DisarmLife), m.Zone),
		TOTP: r.session.Admin.HasTOTP, Passkey: len(r.session.Admin.Passkeys) > 0}
	if r.session.Admin.Federated() {
		f.Provider, f.Proven = c.providerName(), c.SignIn.Fresh(r.session, desk.ProofFor)
	}
	return f, err
}

func (f disarmForm) view(wrong string, status int) view {
	v := view{status: status, name: "disarm", title: "Disarm " + f.Device.Label(), section: "devices", data: f, narrow: true, wrong: wrong}
	if f.Passkey {
		v.scripts = []string{"passkey.js"}
	}
	return v
}

// askDisarm says what a remote disarm does, and asks for a reason and a proof.
func (c *Console) askDisarm(r *request) (view, error) {
	f, err := c.disarmForm(r)
	return f.view("", 0), err
}

// disarm orders it. However young the sign-in is, an open screen is not enough:
// the proof comes with the form, or was made at the provider for it.
func (c *Console) disarm(r *request) (view, error) {
	f, err := c.disarmForm(r)
	if err != nil {
		return view{}, err
	}
	var bad *desk.InvalidError
	if _, err := desk.CheckDisarm(f.Reason); errors.As(err, &bad) { // before a code is used up
		return f.view(upper(bad.Error())+".", http.StatusBadRequest), nil
	}
	switch {
	case f.Provider != "" && !f.Proven:
		return f.view("Authenticate at "+f.Provider+" first.", http.StatusForbidden), nil
	case f.Provider == "":
		if wrong, err := c.reauthenticate(r); err != nil || wrong != "" {
			return f.view(wrong, http.StatusForbidden), err
		}
	}
	if _, err := c.Desk.Disarm(r.ctx, f.Device.ID, f.Reason); err != nil {
		return view{}, err
	}
	return redirect("/devices/" + url.PathEscape(f.Device.ID) + "?told=disarm"), nil
}

// authenticateToDisarm sends somebody to the provider, and keeps the reason.
func (c *Console) authenticateToDisarm(r *request) (view, error) {
	f, err := c.disarmForm(r)
	if err != nil {
		return view{}, err
	}
	return c.authenticateFor(r, disarmPath(f.Device.ID), []string{"reason"}, func(wrong string) (view, error) { return f.view(wrong, http.StatusBadRequest), nil })
}

func (c *Console) endDisarm(r *request) (view, error) {
	id := r.PathValue("deviceId")
	if err := c.Desk.EndDisarm(r.ctx, id); err != nil {
		return view{}, err
	}
	return redirect("/devices/" + url.PathEscape(id) + "?told=disarm-ends"), nil
}

// dayTime is a day and a time of day as the person at the Mac sees them.
func dayTime(t time.Time, zone string) string {
	if in, err := time.LoadLocation(zone); err == nil && zone != "" {
		return t.In(in).Format("2 Jan 2006") + ", " + clock(t, zone)
	}
	return day(t) + ", " + clock(t, zone)
}

// disarmNote is what everybody who looks at a Mac has to know of a remote
// disarm; nothing of one that is over.
func disarmNote(d directory.Disarm, m desk.Mac) (n note, is bool) {
	until, says := dayTime(d.Until, m.Zone), "At its last check-in the Mac said that its login window is “"+m.ArmedState+"”."
	switch d.State {
	case directory.DisarmWaiting:
		return note{"A remote disarm waits for this Mac's next check-in. From then on everybody gets in with the password alone, until " + until + ".", "warn"}, true
	case directory.DisarmInForce:
		return note{"This Mac was told to let everybody in with the password alone, until " + until + ". " + says, "bad"}, true
	case directory.DisarmEnding:
		return note{"The remote disarm ends at this Mac's next check-in. " + says, "warn"}, true
	case directory.DisarmNone, directory.DisarmOver:
	}
	return note{}, false
}
