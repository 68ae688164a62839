package service

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/devicepin"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
)

// newSessions registers the factors that this version has. A further one is a
// line here.
func (d *Daemon) newSessions() *session.Manager {
	pin := devicepin.Screens{Checker: d.recovery, Desk: d.desk}
	return &session.Manager{
		Directory: d.options.Directory, Policy: d.inForce, Recovery: d.recovery, Org: d.org,
		Records: d.store, Journal: d.journal, Time: d.time, KillSwitch: d.killSwitch,
		Factors: []factor.Registered{
			{Kind: accesscode.Kind, Label: accesscode.Label, Factor: d.accessCode, Enrol: d.accessCode},
		},
		PIN: []factor.Registered{
			{Kind: devicepin.KindContact, Label: "Contact admin", Factor: pin.Contact()},
			{Kind: devicepin.KindWindow, Label: "Recovery PIN", Factor: pin.Window()},
		},
		Deadline: d.clock.Deadline, Report: d.report, Kick: d.kick, Exempted: d.exempted,
	}
}

// desk is what Contact admin shows.
func (d *Daemon) desk(guid string) devicepin.Desk {
	desk := devicepin.Desk{Computer: d.machine.Name, Model: d.machine.Model, Serial: d.machine.Serial}
	p := d.inForce.Policy()
	if p == nil {
		return desk
	}
	desk.AdminEmail, desk.AdminPhone, desk.Duration = p.AdminEmail.V, p.AdminPhone.V, p.DeviceRecoveryPINDuration.V
	state, err := d.recovery.State(guid)
	switch {
	case !d.org.RecoveryOn():
		desk.Unavailable = "Your organization has turned recovery PINs off."
	case err != nil || state.State == "none":
		desk.Unavailable = "This Mac has no recovery secret for you yet."
	case state.State == "pending":
		desk.Unavailable = "This Mac has not yet told your organization its recovery secret; a PIN may not be available."
	}
	return desk
}

const exemptPrefix = "exempt/"

// exemptSeen remembers the accounts that were let in because the policy does
// not govern them, so that the gate file can name them while the daemon is
// down.
type exemptSeen struct {
	keep Keep

	mu   sync.Mutex
	seen map[string]factor.Account
}

// Listed is a Keep that can be gone through.
type Listed interface {
	Keep
	List(prefix string, limit int) (keys []string, values [][]byte, err error)
}

func openExempt(keep Listed) (*exemptSeen, error) {
	e := &exemptSeen{keep: keep, seen: map[string]factor.Account{}}
	_, values, err := keep.List(exemptPrefix, 1000)
	if err != nil {
		return nil, fmt.Errorf("read the exempt accounts: %w", err)
	}
	for _, raw := range values {
		var a factor.Account
		if err := json.Unmarshal(raw, &a); err != nil {
			return nil, fmt.Errorf("read the exempt accounts: %w", err)
		}
		e.seen[a.GUID] = a
	}
	return e, nil
}

func (e *exemptSeen) list() []factor.Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []factor.Account
	for _, a := range e.seen {
		out = append(out, a)
	}
	return out
}

// add remembers an account and reports whether it was new.
func (e *exemptSeen) add(a factor.Account) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen[a.GUID] == a {
		return false, nil
	}
	raw, err := json.Marshal(a)
	if err == nil {
		err = e.keep.Write(map[string][]byte{exemptPrefix + a.GUID: raw})
	}
	if err != nil {
		return false, fmt.Errorf("remember an exempt account: %w", err)
	}
	e.seen[a.GUID] = a
	return true, nil
}

func (d *Daemon) exempted(a factor.Account) {
	added, err := d.exempt.add(a)
	d.report("remember an exempt account", err)
	if added {
		d.writeFiles(context.Background())
	}
}
