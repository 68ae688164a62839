package policy

import (
	"encoding/json"
	"slices"
	"time"
)

// Domain is the preference domain that the keys stand in.
const Domain = "com.okta.deviceaccess.servicedaemon"

// All stands for every account in a list of names and for every factor in
// AllowedFactors.
const All = "*"

// The names of the factors in AllowedFactors.
const (
	FactorPush       = "OV_Push"
	FactorTOTP       = "OV_TOTP"
	FactorAccessCode = "Offline_TOTP"         // device access code
	FactorKey        = "FIDO2_USB_key"        // verified by the org
	FactorOfflineKey = "Offline_Security_key" // verified by the Mac
)

// The values of LatchkeyUnavailablePolicy and LatchkeyEnforcement.
const (
	UnavailableDeny  = "deny"
	UnavailableAllow = "allow"
	Enforce          = "enforce"
	Observe          = "observe"
)

// setupAssistant is the account that macOS sets itself up in.
const setupAssistant = "_mbsetupuser"

// Policy is what is in force. Only FromDocument makes one. Each field is the
// key of that name; design §4 says what it does.
type Policy struct {
	ClientID     Value[string] // DMFAClientID
	ClientSecret Value[Secret] // DMFAClientSecret
	OrgURL       Value[string] // DMFAOrgURL, https, without a slash at the end

	LoginPeriodWithoutEnrolledFactor Value[time.Duration]
	LoginPeriodWithOfflineFactor     Value[time.Duration] // 0: no offline factors
	MFARequiredList                  Value[[]string]
	MFANotRequiredList               Value[[]string]
	AdminEmail                       Value[string]
	AdminPhone                       Value[string]
	AccountLinkingMFAFactor          Value[string] // FactorPush or FactorTOTP
	AllowedFactors                   Value[[]string]
	OfflineLoginAllowed              Value[bool]
	DeviceRecoveryPINDuration        Value[time.Duration]
	DeviceRecoveryValidity           Value[time.Duration] // DeviceRecoveryValidityInDays

	RecoveryURL      Value[string] // LatchkeyRecoveryURL; OrgURL unless forced
	Unavailable      Value[string] // LatchkeyUnavailablePolicy: UnavailableDeny or UnavailableAllow
	Enforcement      Value[string] // LatchkeyEnforcement: Enforce or Observe
	LinkedUser       Value[string] // LatchkeyLinkedUser; "" for none
	ManageLoginRight Value[bool]   // LatchkeyManageLoginRight
}

// Factors are all that there are, in the order in which "*" shows them.
func Factors() []string {
	return []string{FactorPush, FactorTOTP, FactorAccessCode, FactorKey, FactorOfflineKey}
}

// Offline reports whether the Mac checks a factor by itself.
func Offline(factor string) bool {
	return factor == FactorAccessCode || factor == FactorOfflineKey
}

// Governs reports whether the account of that short name needs a second
// factor. Names match exactly, in case as well; MFANotRequiredList wins. Setup
// Assistant's account never needs one, because nobody could enrol it; root is
// an account like any other.
func (p *Policy) Governs(name string) bool {
	switch {
	case name == setupAssistant:
		return false
	case p.MFARequiredList.Origin == 0 || name == "":
		// Not made by FromDocument, or an account that could not be looked up:
		// nothing says that it is exempt.
		return true
	case lists(p.MFANotRequiredList.V, name):
		return false
	}
	return lists(p.MFARequiredList.V, name)
}

func lists(names []string, name string) bool {
	return slices.Contains(names, All) || slices.Contains(names, name)
}

// OrderedFactors are the factors that may be used, in the order in which they
// are shown. Offline ones are left out where OfflineLoginAllowed is false or
// LoginPeriodWithOfflineFactor is 0. The recovery PIN is no factor here: it
// stands outside these rules.
func (p *Policy) OrderedFactors() []string {
	named := p.AllowedFactors.V
	if slices.Contains(named, All) {
		named = Factors()
	}
	out := make([]string, 0, len(named))
	for _, f := range named {
		if !Offline(f) || p.offlineFactors() {
			out = append(out, f)
		}
	}
	return out
}

func (p *Policy) offlineFactors() bool {
	return p.OfflineLoginAllowed.V && p.LoginPeriodWithOfflineFactor.V > 0
}

// AllowsFactor reports whether a factor is among OrderedFactors.
func (p *Policy) AllowsFactor(factor string) bool {
	return slices.Contains(p.OrderedFactors(), factor)
}

// Observes reports whether screens may be skipped and the gate allows.
func (p *Policy) Observes() bool { return p.Enforcement.V == Observe }

// Reported is one value as check-in carries it: numbers in the unit of their
// key.
type Reported struct {
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// Effective is what is in force as a JSON object, a member for every key but
// those that are secret.
func (p *Policy) Effective() (json.RawMessage, error) {
	return json.Marshal(p.Report())
}

// Report is Effective before it is encoded.
func (p *Policy) Report() map[string]Reported {
	out := map[string]Reported{}
	for _, s := range settings() {
		// Not even hidden: a report has no use for a secret's placeholder.
		if s.Secret {
			continue
		}
		value, origin := s.show(p)
		out[s.Key] = Reported{value, origin.String()}
	}
	return out
}
