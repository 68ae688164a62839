package service

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Report implements checkin.Reporter: what the device says of itself.
func (d *Daemon) Report(ctx context.Context) (wire.CheckIn, error) {
	now := d.time.Now()
	state, err := d.inForce.source.Last().Wire()
	if err != nil {
		return wire.CheckIn{}, err
	}
	accounts, err := d.accounts(ctx)
	if err != nil {
		return wire.CheckIn{}, err
	}
	c := wire.CheckIn{V: wire.Version, Boot: now.Boot, Device: d.device(), Wall: d.clock.Wall().UTC(), Clock: string(now.Source),
		Armed: d.armed(), KillSwitch: d.killSwitch(), Policy: state, Ack: d.org.now().Done, Accounts: []wire.Account{}}
	for _, a := range accounts {
		c.Accounts = append(c.Accounts, a.Account)
	}
	return c, nil
}

func (d *Daemon) device() wire.Device {
	m := d.machine
	return wire.Device{UDID: m.UDID, Serial: m.Serial, Model: m.Model, Name: m.Name, OS: m.OS, Zone: m.Zone, Agent: d.version}
}

// accounts are all that were ever governed.
func (d *Daemon) accounts(ctx context.Context) ([]wire.AccountStatus, error) {
	records, err := d.sessions.Accounts()
	if err != nil {
		return nil, err
	}
	out := []wire.AccountStatus{}
	for guid, rec := range records {
		if rec.Name == "" {
			continue // the server remembers it, and it has not logged in since
		}
		a, err := d.account(ctx, guid, rec)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (d *Daemon) account(ctx context.Context, guid string, rec session.Record) (wire.AccountStatus, error) {
	a := wire.AccountStatus{Account: wire.Account{GUID: guid, UID: rec.UID, Name: rec.Name, FullName: rec.FullName}}
	link, _, err := d.links.Of(guid)
	if err != nil {
		return a, err
	}
	a.Linked = link.Login
	rules, err := d.inForce.Rules(factor.Account{GUID: guid, Name: rec.Name, UID: rec.UID})
	a.Governed = err != nil || rules.Governed // what cannot be said is not called exempt
	a.Exempt = !a.Governed
	if a.Factors, err = d.factors(guid); err != nil {
		return a, err
	}
	if a.Secret, err = d.recovery.State(guid); err != nil {
		return a, err
	}
	if a.RecoverableUntil, err = d.recoverableUntil(guid); err != nil {
		return a, err
	}
	left, until, err := d.recovery.Window(guid, d.inForce.PINDuration())
	if err != nil {
		return a, err
	}
	a.WindowLeftSeconds = int(left / time.Second)
	a.WindowUntil = optional(until)
	a.FirstGovernedAt = optional(rec.FirstGovernedAt)
	a.GraceUntil, a.OfflineUntil = d.periods(rec)
	return a, nil
}

// recoverableUntil is when the server makes no more PINs for the account, if the
// Mac does not check in before; nil where it makes none now.
func (d *Daemon) recoverableUntil(guid string) (*time.Time, error) {
	confirmed, err := d.recovery.ConfirmedAt(guid)
	if err != nil || confirmed.IsZero() || d.inForce.Validity() == 0 {
		return nil, err
	}
	return optional(confirmed.Add(d.inForce.Validity())), nil
}

// periods are when the first grace ends, and when the Mac's own factors need an
// online sign-in first; nil where there is none to speak of.
func (d *Daemon) periods(rec session.Record) (grace, offline *time.Time) {
	p := d.inForce.Policy()
	if p == nil {
		return nil, nil
	}
	if !rec.HadFactor && !rec.FirstGovernedAt.IsZero() {
		grace = optional(rec.FirstGovernedAt.Add(p.LoginPeriodWithoutEnrolledFactor.V))
	}
	if !rec.OfflineFrom.IsZero() && slices.ContainsFunc(p.OrderedFactors(), policy.Offline) {
		offline = optional(rec.OfflineFrom.Add(p.LoginPeriodWithOfflineFactor.V))
	}
	return grace, offline
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// factors are what the account has enrolled; never nil, since JSON has no list
// for nil.
func (d *Daemon) factors(guid string) ([]wire.Factor, error) {
	all := []wire.Factor{}
	for _, o := range d.owned() {
		list, err := o.List(guid)
		if err != nil {
			return all, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// owned is a kind of factor that this Mac keeps.
type owned interface {
	List(guid string) ([]wire.Factor, error)
	Remove(guid, id, why string) (int, error)
	RemoveUpTo(guid string, then time.Time, why string) (int, error)
}

func (d *Daemon) owned() []owned { return []owned{d.accessCode, d.offlineKey} }

// removed takes away of every kind, and says how many there were.
func (d *Daemon) removed(from func(o owned) (int, error)) (count int, err error) {
	for _, o := range d.owned() {
		n, err := from(o)
		if count += n; err != nil {
			return count, err
		}
	}
	return count, nil
}
