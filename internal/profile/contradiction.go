package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// contradiction are settings that are allowed each by itself and make no sense
// together.
type contradiction struct {
	rule     string
	key      string   // that it is said of
	with     []string // the other keys that it rests on
	severity policy.Severity
	problem  string
	fix      string
}

// contradictions are looked for among the settings without errors.
func (c *check) contradictions(dict plist.Value, own map[string]bool, said func(string)) {
	sound, bad := c.sound(dict)
	p, _ := policy.FromDocument(plist.Document{Format: c.profile.Format, Root: sound})
	if p == nil {
		return
	}
	found := slices.Concat(aboutFactors(p), aboutAccounts(p), aboutPeriods(p), aboutAddresses(p))
	for _, x := range found {
		rests := append([]string{x.key}, x.with...)
		if slices.ContainsFunc(rests, func(key string) bool { return bad[key] || own[key] && x.key == key }) {
			continue
		}
		defer said(x.key) // not before the others have looked
		at := dict.At
		if e, there := dict.Get(x.key); there {
			at = e.At
		}
		c.found.add(at, Finding{Rule: x.rule, Key: x.key, Severity: x.severity, Problem: x.problem, Fix: x.fix})
	}
}

func aboutFactors(p *policy.Policy) []contradiction {
	factors, named := p.OrderedFactors(), p.AllowedFactors.V
	online := slices.ContainsFunc(factors, func(f string) bool { return !policy.Offline(f) })
	rests := []string{"OfflineLoginAllowed", "LoginPeriodWithOfflineFactor"}
	switch {
	case len(factors) == 0 && p.OfflineLoginAllowed.V:
		return []contradiction{{"no-factor", "AllowedFactors", rests, policy.Error,
			"no factor can ever be used: only offline ones are allowed, and LoginPeriodWithOfflineFactor 0 turns them off", "allow an online factor, or a period above 0"}}
	case len(factors) == 0:
		return []contradiction{{"no-factor", "AllowedFactors", rests, policy.Error,
			"no factor can ever be used: only offline ones are allowed, and OfflineLoginAllowed is false", "allow an online factor, or offline login"}}
	case !online:
		return []contradiction{{"offline-only", "AllowedFactors", rests, policy.Error,
			"only offline factors are allowed, so that the offline period can never be renewed: everyone is locked out " + span(p.LoginPeriodWithOfflineFactor.V) + " after the first login",
			"allow an online factor as well, such as " + policy.FactorPush}}
	}
	link := p.AccountLinkingMFAFactor.V
	if !slices.Contains(named, policy.All) && !slices.Contains(named, link) && p.AccountLinkingMFAFactor.Origin == policy.Forced {
		return []contradiction{{"linking", "AccountLinkingMFAFactor", []string{"AllowedFactors"}, policy.Warning,
			link + " links accounts, and AllowedFactors does not let anyone use it afterwards", "link with a factor that is allowed, or allow " + link}}
	}
	return nil
}

func aboutAccounts(p *policy.Policy) (found []contradiction) {
	required, exempt := p.MFARequiredList.V, p.MFANotRequiredList.V
	all := slices.Contains(required, policy.All)
	switch {
	case len(required) == 0:
		found = append(found, contradiction{"nobody-governed", "MFARequiredList", nil, policy.Warning, "the list is empty: nobody needs a second factor", "list accounts, or * for all"})
	case slices.Contains(exempt, policy.All):
		found = append(found, contradiction{"nobody-governed", "MFANotRequiredList", nil, policy.Warning, "* exempts everyone: nobody needs a second factor", "name the accounts that are exempt"})
	case !all && !slices.ContainsFunc(required, p.Governs):
		found = append(found, contradiction{"nobody-governed", "MFANotRequiredList", []string{"MFARequiredList"}, policy.Warning, "every account of MFARequiredList is exempt: nobody needs a second factor", "MFANotRequiredList wins; take them out of it"})
	case all && len(exempt) == 0:
		found = append(found, contradiction{"no-break-glass", "MFANotRequiredList", []string{"MFARequiredList"}, policy.Warning,
			"every account needs a second factor, and none is exempt: an emergency has no account to log in with", "name a break-glass account, with a long password that is kept locked away"})
	}
	for key, list := range map[string][]string{"MFARequiredList": required, "MFANotRequiredList": exempt} {
		if i := slices.IndexFunc(list, func(n string) bool { return strings.Contains(n, "@") }); i >= 0 && !variable(list[i]) {
			found = append(found, contradiction{"account-name", key, nil, policy.Warning, quoted(list[i]) + " looks like an e-mail address: the list holds short names of local accounts", "write the short name, as `id -un` shows it"})
		}
	}
	return found
}

func aboutPeriods(p *policy.Policy) (found []contradiction) {
	if p.DeviceRecoveryPINDuration.V > p.DeviceRecoveryValidity.V {
		found = append(found, contradiction{"recovery-periods", "DeviceRecoveryPINDuration", []string{"DeviceRecoveryValidityInDays"}, policy.Warning,
			fmt.Sprintf("a recovery PIN works for %s, longer than the %s for which a secret makes PINs", span(p.DeviceRecoveryPINDuration.V), span(p.DeviceRecoveryValidity.V)), "make it shorter than the validity"})
	}
	if p.LoginPeriodWithOfflineFactor.V == 0 && p.OfflineLoginAllowed.V && p.OfflineLoginAllowed.Origin == policy.Forced {
		found = append(found, contradiction{"offline-off", "LoginPeriodWithOfflineFactor", []string{"OfflineLoginAllowed"}, policy.Warning,
			"0 turns offline factors off, though OfflineLoginAllowed is true", "set a period, or OfflineLoginAllowed to false"})
	}
	if email := p.AdminEmail.V; email != "" && !strings.Contains(email, "@") && !variable(email) {
		found = append(found, contradiction{"contact", "AdminEmail", nil, policy.Warning, quoted(email) + " is no e-mail address", "write the address that people should write to"})
	}
	return found
}

func aboutAddresses(p *policy.Policy) (found []contradiction) {
	if host := p.OrgURL.V; strings.Contains(host, "-admin.okta") {
		found = append(found, contradiction{"admin-url", "DMFAOrgURL", nil, policy.Error, "this is the address of the admin console, where nobody signs in", "write it without -admin"})
	}
	return found
}
