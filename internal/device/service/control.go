package service

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// controlHandler serves the command line on this machine.
type controlHandler struct{ daemon *Daemon }

func (h controlHandler) Open(context.Context, xipc.Peer, xipc.Hello, func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return controlEndpoint(h), nil
}

type controlEndpoint struct{ daemon *Daemon }

func (controlEndpoint) Closed() {}

func (e controlEndpoint) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	switch name {
	case wire.MsgStatus:
		return reply(e.daemon.Status(ctx))
	case wire.MsgFactorsList:
		return reply(e.daemon.listFactors(ctx, text(body, "guid")))
	case wire.MsgFactorsRemove:
		return e.remove(ctx, body)
	case wire.MsgDoctor:
		return reply(e.daemon.Doctor(ctx))
	case wire.MsgCheckInNow:
		return e.daemon.checkInNow(ctx)
	}
	return nil, unknownRequest(name)
}

func reply[T any](v T, err error) (wire.Dictionary, error) {
	if err != nil {
		return nil, err
	}
	return wire.DictionaryOf(v)
}

func text(body wire.Dictionary, key string) string {
	s, _ := body[key].(string)
	return s
}

func (e controlEndpoint) remove(_ context.Context, body wire.Dictionary) (wire.Dictionary, error) {
	guid, id := text(body, "guid"), text(body, "id")
	if guid == "" || id == "" {
		return nil, xipc.Failure{Code: "bad_request", Message: "factors.remove needs a guid and an id"}
	}
	removed, err := e.daemon.removed(func(o owned) (int, error) { return o.Remove(guid, id, "removed_on_device") })
	if err != nil {
		return nil, err
	}
	if removed == 0 {
		return nil, xipc.Failure{Code: "no_such_factor", Message: fmt.Sprintf("account %.40s has no factor %.40s", guid, id)}
	}
	return wire.Dictionary{}, e.daemon.sessions.Tell(guid, "Your second factor was removed on this Mac on "+day(e.daemon.time.Now().Time)+".")
}

func (d *Daemon) listFactors(ctx context.Context, guid string) (wire.FactorsReply, error) {
	accounts, err := d.accounts(ctx)
	if err != nil {
		return wire.FactorsReply{}, err
	}
	out := wire.FactorsReply{Accounts: []wire.AccountFactors{}}
	for _, a := range accounts {
		if guid == "" || guid == a.GUID || guid == a.Name {
			out.Accounts = append(out.Accounts, wire.AccountFactors{GUID: a.GUID, Name: a.Name, Factors: a.Factors})
		}
	}
	return out, nil
}

// Status is what `latchkey status` shows.
func (d *Daemon) Status(ctx context.Context) (wire.Status, error) {
	now := d.time.Now()
	accounts, err := d.accounts(ctx)
	if err != nil {
		return wire.Status{}, err
	}
	s := wire.Status{V: wire.Version, Agent: d.version, Now: now.Time, Clock: string(now.Source), Armed: d.armed(),
		KillSwitch: d.killSwitch(), Store: "good", Policy: d.inForce.Status(), Accounts: accounts, CheckIn: d.checkInStatus()}
	if d.inForce.lost.Load() {
		s.Store = "awaiting_check_in"
	}
	d.addSecureTokens(ctx, s.Accounts)
	return s, nil
}

// tokenPatience is how long status waits for the directory with all accounts
// together: what it says of tokens is an extra.
const tokenPatience = 2 * time.Second

// SecureTokens knows which accounts may unlock the disk.
type SecureTokens interface {
	SecureToken(ctx context.Context, uid uint32) (bool, error)
}

// addSecureTokens says it where the directory knows it. An account whose answer
// does not come stays without one.
func (d *Daemon) addSecureTokens(ctx context.Context, accounts []wire.AccountStatus) {
	tokens, ok := d.options.Directory.(SecureTokens)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tokenPatience)
	defer cancel()
	for i := range accounts {
		has, err := tokens.SecureToken(ctx, accounts[i].UID)
		if err != nil {
			d.log.Warn("whether an account has a secure token is not known", zap.String("account", accounts[i].Name), zap.Error(err))
			continue
		}
		accounts[i].SecureToken = &has
	}
}

// staleAfter is how old the last check-in may be before the doctor says so:
// the help desk can make no PIN past DeviceRecoveryValidityInDays, and a week
// is when secrets are rotated.
const staleAfter = 7 * 24 * time.Hour

// Doctor looks at what a login and a recovery rest on.
func (d *Daemon) Doctor(ctx context.Context) (wire.DoctorReply, error) {
	s, err := d.Status(ctx)
	if err != nil {
		return wire.DoctorReply{}, err
	}
	checks := []wire.Check{
		{Name: "armed", OK: s.Armed.State == loginright.Armed.String() || d.options.LoginRight == nil, Detail: s.Armed.State + ": " + s.Armed.Reason, Hint: "`sudo latchkey login-right verify` looks at everything that arming rests on"},
		{Name: "policy", OK: s.Policy.State == "good", Detail: "the managed profile is " + s.Policy.State, Hint: "push the profile again; `latchkey status` lists what is wrong with it"},
		{Name: "store", OK: s.Store == "good", Detail: s.Store, Hint: "let the Mac reach its server once: a check-in rebuilds a lost store"},
		{Name: "clock", OK: s.Clock != "untrusted", Detail: s.Clock, Hint: "set the clock right and let the Mac check in; until then only device-code PINs are taken"},
		{Name: "kill switch", OK: !s.KillSwitch, Detail: present(s.KillSwitch), Hint: "remove the kill-switch file when the emergency is over: everyone is let in without a second factor"},
		d.certificateCheck(ctx),
		d.checkInCheck(s),
		d.orgCheck(ctx),
	}
	for _, a := range s.Accounts {
		checks = append(checks, recoveryCheck(a))
	}
	for i := range checks {
		if checks[i].OK {
			checks[i].Hint = ""
		}
	}
	return wire.DoctorReply{Checks: checks}, nil
}

func present(yes bool) string {
	if yes {
		return "present"
	}
	return "absent"
}

func (d *Daemon) checkInCheck(s wire.Status) wire.Check {
	c := wire.Check{Name: "check-in", Detail: "never", Hint: "see that the Mac has its Device Access certificate and reaches " + s.CheckIn.Server}
	if s.CheckIn.Last != nil {
		ago := s.Now.Sub(*s.CheckIn.Last)
		c.OK = ago < staleAfter && s.CheckIn.Problem == ""
		c.Detail = fmt.Sprintf("%s ago", ago.Round(time.Second))
	}
	if s.CheckIn.Problem != "" {
		c.Detail += ": " + s.CheckIn.Problem
	}
	return c
}

// expiresSoon is when a certificate is called out: the MDM has to bring a new one
// by then.
const expiresSoon = 14 * 24 * time.Hour

// certificateCheck looks for the Device Access certificate, as a check-in does.
func (d *Daemon) certificateCheck(ctx context.Context) wire.Check {
	c := wire.Check{Name: "certificate", Hint: "have the MDM bring the Device Access certificate by its SCEP payload at the computer level, with *Allow all apps access*; docs/profile.md has the payload"}
	held, err := d.identity().Certificate(ctx)
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	leaf := held.Leaf
	if leaf == nil {
		c.Detail = "it cannot be read"
		return c
	}
	left := leaf.NotAfter.Sub(d.time.Now().Time)
	c.OK = left > expiresSoon
	c.Detail = fmt.Sprintf("serial number %X, until %s", leaf.SerialNumber, leaf.NotAfter.UTC().Format(time.RFC3339))
	return c
}

// orgCheck asks the org now, as a login does.
func (d *Daemon) orgCheck(ctx context.Context) wire.Check {
	d.idp.Look(ctx)
	online, reason := d.idp.Standing()
	settings, _ := d.orgSettings()
	if online {
		reason = "answers"
	}
	return wire.Check{Name: "org", OK: online, Detail: settings.URL + ": " + reason,
		Hint: "until the org answers, nobody is verified by it: look at the network, DMFAOrgURL, DMFAClientID and DMFAClientSecret"}
}

func recoveryCheck(a wire.AccountStatus) wire.Check {
	return wire.Check{Name: "recovery of " + a.Name, OK: a.Exempt || a.Secret.State == "current",
		Detail: "secret " + a.Secret.State, Hint: "the server confirms the secret at a check-in; until then no PIN can be made"}
}
