package service

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/managedprefs"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// InForce is the policy in force, as the conversation and the gate see it. It
// is safe for concurrent use.
type InForce struct {
	source *managedprefs.Source
	lost   atomic.Bool // the store was lost, and no check-in has rebuilt it yet
}

var _ session.Policy = (*InForce)(nil)

// Off reports whether the profile has been gone for so long that MFA counts as
// turned off (design §4).
func (f *InForce) Off() bool {
	last := f.source.Last()
	return last.State == managedprefs.Gone && last.GoneFor >= managedprefs.GoneAfter
}

// Policy is the one in force, nil before the first.
func (f *InForce) Policy() *policy.Policy { return f.source.Last().Policy }

// Rules implements session.Policy.
func (f *InForce) Rules(a factor.Account) (login.Rules, error) {
	p := f.Policy()
	if p == nil {
		// A gate that runs is armed: no policy is no reason to allow.
		return login.Rules{}, fmt.Errorf("no valid profile was ever seen: %w", session.ErrUnavailable)
	}
	rules := rulesOf(p, a.Name)
	rules.Governed = rules.Governed && !f.Off()
	if rules.Governed && f.lost.Load() {
		return login.Rules{}, fmt.Errorf("the store was lost and no check-in has rebuilt it: %w", session.ErrUnavailable)
	}
	return rules, nil
}

// rulesOf is what a policy says of the account with that short name.
func rulesOf(p *policy.Policy, name string) login.Rules {
	allowed := p.OrderedFactors()
	return login.Rules{
		Governed:      p.Governs(name),
		Allowed:       allowed,
		OfflinePeriod: p.LoginPeriodWithOfflineFactor.V,
		Grace:         p.LoginPeriodWithoutEnrolledFactor.V,
		Observe:       p.Observes(),
		Linking:       slices.ContainsFunc(allowed, byOrg),
	}
}

// byOrg: a factor of which a link makes use.
func byOrg(kind string) bool {
	return kind == policy.FactorPush || kind == policy.FactorTOTP || kind == policy.FactorKey
}

// AllowUnavailable implements session.Policy.
func (f *InForce) AllowUnavailable() bool {
	p := f.Policy()
	return p != nil && p.Unavailable.V == policy.UnavailableAllow
}

// PINDuration implements session.Policy. Without a policy no window is open.
func (f *InForce) PINDuration() time.Duration {
	if p := f.Policy(); p != nil {
		return p.DeviceRecoveryPINDuration.V
	}
	return 0
}

// Validity is DeviceRecoveryValidityInDays; 0 before the first policy.
func (f *InForce) Validity() time.Duration {
	if p := f.Policy(); p != nil {
		return p.DeviceRecoveryValidity.V
	}
	return 0
}

// Status is the policy as the control socket says it.
func (f *InForce) Status() wire.PolicyStatus {
	last := f.source.Last()
	s := wire.PolicyStatus{State: last.State.String(), SHA256: last.SHA256, Values: map[string]wire.PolicySetting{}, Problems: []string{}}
	for _, p := range last.Problems {
		s.Problems = append(s.Problems, p.String())
	}
	if last.Policy == nil {
		return s
	}
	for key, r := range last.Policy.Report() {
		s.Values[key] = wire.PolicySetting{Value: r.Value, Origin: r.Origin}
	}
	return s
}
