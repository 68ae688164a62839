package policy

import (
	"slices"
	"time"
)

// first is the version that all of these keys came with.
const first = "1.0"

// longestPeriod in hours, about 114 years: enough for who writes 999999 and
// means never, and far inside what a time.Duration holds.
const longestPeriod = 1_000_000

const day = 24 * time.Hour

// settings is the table of design §4. It is built anew for each caller, so that
// nobody can change it for another.
func settings() []setting {
	return slices.Concat(orgSettings(), loginSettings(), factorSettings(), recoverySettings(), latchkeySettings())
}

func orgSettings() []setting {
	return []setting{
		bind(Definition{Key: "DMFAClientID", Kind: Text, Required: true, Since: first,
			Doc: "Client ID of the Desktop MFA application in the org."},
			"", func(p *Policy) *Value[string] { return &p.ClientID }, readText, same[string]),
		bind(Definition{Key: "DMFAClientSecret", Kind: Text, Required: true, Secret: true, Since: first,
			Doc: "Client secret of that application. Never shown, logged or reported."},
			"", func(p *Policy) *Value[Secret] { return &p.ClientSecret }, readSecret, same[Secret]),
		bind(Definition{Key: "DMFAOrgURL", Kind: URL, Required: true, Since: first,
			Doc: "The org that verifies online factors."},
			"", func(p *Policy) *Value[string] { return &p.OrgURL }, readURL, same[string]),
	}
}

func loginSettings() []setting {
	return []setting{
		bind(Definition{Key: "LoginPeriodWithoutEnrolledFactor", Kind: Number, Unit: Hours, Min: 0, Max: longestPeriod, Since: first,
			Doc: "How long the password alone suffices after a user's first governed login; then linking and enrolment are forced."},
			48*time.Hour, func(p *Policy) *Value[time.Duration] { return &p.LoginPeriodWithoutEnrolledFactor }, readDuration, in(time.Hour)),
		bind(Definition{Key: "LoginPeriodWithOfflineFactor", Kind: Number, Unit: Hours, Min: 0, Max: longestPeriod, Since: first,
			Doc: "An online factor is needed at least this often; 0 means no offline factors."},
			168*time.Hour, func(p *Policy) *Value[time.Duration] { return &p.LoginPeriodWithOfflineFactor }, readDuration, in(time.Hour)),
		bind(Definition{Key: "MFARequiredList", Kind: Names, Since: first,
			Doc: "Accounts that need a second factor. Case sensitive."},
			[]string{All}, func(p *Policy) *Value[[]string] { return &p.MFARequiredList }, readNames, same[[]string]),
		bind(Definition{Key: "MFANotRequiredList", Kind: Names, Since: first,
			Doc: "Accounts that need none. Case sensitive; wins over MFARequiredList."},
			[]string{}, func(p *Policy) *Value[[]string] { return &p.MFANotRequiredList }, readNames, same[[]string]),
		bind(Definition{Key: "AdminEmail", Kind: Text, Since: first,
			Doc: "Shown under Contact admin."},
			"", func(p *Policy) *Value[string] { return &p.AdminEmail }, readText, same[string]),
		bind(Definition{Key: "AdminPhone", Kind: Text, Since: first,
			Doc: "Shown under Contact admin."},
			"", func(p *Policy) *Value[string] { return &p.AdminPhone }, readText, same[string]),
	}
}

func factorSettings() []setting {
	return []setting{
		bind(Definition{Key: "AccountLinkingMFAFactor", Kind: Choice, Choices: []string{FactorPush, FactorTOTP}, Since: first,
			Doc: "The factor that links a local account to an org user."},
			FactorPush, func(p *Policy) *Value[string] { return &p.AccountLinkingMFAFactor }, readChoice, same[string]),
		bind(Definition{Key: "AllowedFactors", Kind: Choices, Choices: Factors(), Since: first,
			Doc: "Factors that may be used, shown in the order listed. The recovery PIN is always there."},
			[]string{All}, func(p *Policy) *Value[[]string] { return &p.AllowedFactors }, readFactors, same[[]string]),
		bind(Definition{Key: "OfflineLoginAllowed", Kind: Boolean, Since: first,
			Doc: "False: offline factors are neither shown nor enforced."},
			true, func(p *Policy) *Value[bool] { return &p.OfflineLoginAllowed }, readBoolean, same[bool]),
	}
}

func recoverySettings() []setting {
	return []setting{
		bind(Definition{Key: "DeviceRecoveryPINDuration", Kind: Number, Unit: Minutes, Min: 1, Max: 7200, Since: first,
			Doc: "How long a recovery PIN works again, from its first successful use."},
			60*time.Minute, func(p *Policy) *Value[time.Duration] { return &p.DeviceRecoveryPINDuration }, readDuration, in(time.Minute)),
		bind(Definition{Key: "DeviceRecoveryValidityInDays", Kind: Number, Unit: Days, Min: 1, Max: 365, Since: first,
			Doc: "Past this age of the last confirmed recovery secret the server issues no PIN."},
			30*day, func(p *Policy) *Value[time.Duration] { return &p.DeviceRecoveryValidity }, readDuration, in(day)),
	}
}

func latchkeySettings() []setting {
	return []setting{
		bind(Definition{Key: "LatchkeyRecoveryURL", Kind: URL, Since: first,
			Doc: "Where devices check in; DMFAOrgURL unless set."},
			"", func(p *Policy) *Value[string] { return &p.RecoveryURL }, readURL, same[string]),
		bind(Definition{Key: "LatchkeyUnavailablePolicy", Kind: Choice, Choices: []string{UnavailableDeny, UnavailableAllow}, Since: first,
			Doc: "What the gate answers when the daemon does not."},
			UnavailableDeny, func(p *Policy) *Value[string] { return &p.Unavailable }, readChoice, same[string]),
		bind(Definition{Key: "LatchkeyEnforcement", Kind: Choice, Choices: []string{Enforce, Observe}, Since: first,
			Doc: "Observe: every screen can be skipped and the gate allows; the event says what enforce would have done."},
			Enforce, func(p *Policy) *Value[string] { return &p.Enforcement }, readChoice, same[string]),
		bind(Definition{Key: "LatchkeyLinkedUser", Kind: Text, Since: first,
			Doc: "Org login of the Mac's assigned user: a pre-link for that one account."},
			"", func(p *Policy) *Value[string] { return &p.LinkedUser }, readText, same[string]),
		bind(Definition{Key: "LatchkeyManageLoginRight", Kind: Boolean, Since: first,
			Doc: "False: the authorization database is never edited."},
			true, func(p *Policy) *Value[bool] { return &p.ManageLoginRight }, readBoolean, same[bool]),
	}
}

func same[T any](v T) any { return v }

// in shows a duration as a number of units.
func in(unit time.Duration) func(time.Duration) any {
	return func(d time.Duration) any { return float64(d) / float64(unit) }
}
