package service

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/devicepin"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	idp "github.com/latchkey-mfa/latchkey/internal/device/org"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
)

// newSessions registers the factors that this version has. A further one is a
// line here.
func (d *Daemon) newSessions() *session.Manager {
	pin := devicepin.Screens{Checker: d.recovery, Desk: d.desk}
	atOrg := d.onlineFactors()
	return &session.Manager{
		Directory: d.options.Directory, Policy: d.inForce, Recovery: d.recovery, Org: d.org,
		Records: d.store, Journal: d.journal, Time: d.time, KillSwitch: d.killSwitch,
		Factors: []factor.Registered{
			{Kind: online.KindPush, Label: online.LabelPush, Online: true, Factor: atOrg.Push()},
			{Kind: online.KindCode, Label: online.LabelCode, Online: true, Factor: atOrg.Code()},
			{Kind: accesscode.Kind, Label: accesscode.Label, Factor: d.accessCode, Enrol: d.accessCode},
			{Kind: online.KindKey, Label: online.LabelKey, Online: true, Factor: atOrg.Key()},
			{Kind: offlinekey.Kind, Label: offlinekey.Label, Factor: d.offlineKey, Enrol: d.offlineKey},
		},
		PIN: []factor.Registered{
			{Kind: devicepin.KindContact, Label: "Contact admin", Factor: pin.Contact()},
			{Kind: devicepin.KindWindow, Label: "Recovery PIN", Factor: pin.Window()},
		},
		Linker: atOrg.Linker(), Look: d.idp.Look,
		Deadline: d.clock.Deadline, Report: d.report, Kick: d.kick, Exempted: d.exempted,
	}
}

// onlineFactors are those that the org verifies.
func (d *Daemon) onlineFactors() *online.Factors {
	return &online.Factors{Org: online.At(d.idp), Links: d.links, Journal: d.journal, Report: d.report,
		Mac:     func() string { return d.machine.Name },
		Linking: d.linking, Number: d.wantsNumber, Keys: d.keys(), Origin: d.idp.RelyingParty}
}

// keys asks people for security keys.
func (d *Daemon) keys() *securitykey.Keys {
	return &securitykey.Keys{Ports: d.options.Keys, Report: d.report}
}

// wantsNumber: a push of our own server has a number to match while the org's
// setting says so, and one without is not from it. What another org sends is
// that org's to say.
func (d *Daemon) wantsNumber() bool {
	settings, _ := d.orgSettings()
	return settings.Own && d.org.now().Settings.NumberMatching
}

// linking is what the policy says of linking.
func (d *Daemon) linking() (kind, assigned string) {
	if p := d.inForce.Policy(); p != nil {
		return p.AccountLinkingMFAFactor.V, p.LinkedUser.V
	}
	return "", ""
}

// newOrg is the org that verifies online factors. It is looked at by the same
// certificate and the same roots as check-in's server.
func (d *Daemon) newOrg() (*idp.Org, error) {
	o := idp.Options{Settings: d.orgSettings, Identity: d.identity(), Clock: d.clock, Now: func() time.Time { return d.time.Now().Time }}
	if d.options.CAFile != "" {
		roots, err := checkin.LoadRoots(d.options.CAFile)
		if err != nil {
			return nil, err
		}
		o.Roots = roots
	}
	return idp.New(o), nil
}

func (d *Daemon) identity() checkin.Identity {
	now := func() time.Time { return d.time.Now().Time }
	if d.options.Identity != nil {
		return d.options.Identity(now)
	}
	return identity.Folder{Dir: identity.Below(d.options.State), Now: now}
}

func (d *Daemon) orgSettings() (idp.Settings, bool) {
	p := d.inForce.Policy()
	if p == nil {
		return idp.Settings{}, false
	}
	return idp.Settings{URL: p.OrgURL.V, ClientID: p.ClientID.V, Secret: p.ClientSecret.V.Reveal(), Own: p.RecoveryURL.V == p.OrgURL.V}, true
}

// orgName is what an authenticator app shows of the org: its host.
func (d *Daemon) orgName() string {
	settings, _ := d.orgSettings()
	at, err := url.Parse(settings.URL)
	if err != nil || at.Hostname() == "" {
		return "Latchkey"
	}
	return at.Hostname()
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
