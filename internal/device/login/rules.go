package login

import (
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The kinds of the recovery PIN's two screens, which stand outside
// AllowedFactors.
const (
	kindContact = "recovery_pin"
	kindWindow  = "recovery_pin_window"
)

// kindLink is the choice of connecting the account to its org user.
const kindLink = "link"

// IsPIN reports whether a kind is the recovery PIN.
func IsPIN(kind string) bool { return kind == kindContact || kind == kindWindow }

// ways are the factors that the account has and the policy allows, in the
// policy's order, each with the reason why it cannot be used now.
func ways(rules Rules, facts Facts, now trustedtime.Reading) []wire.Choice {
	var out []wire.Choice
	for _, kind := range rules.Allowed {
		m, known := facts.method(kind)
		if !known || !m.Enrolled {
			continue
		}
		reason := m.Reason
		if reason == "" && !m.Online {
			reason = offlineOver(rules, facts, now)
		}
		out = append(out, wire.Choice{ID: m.Kind, Label: m.Label, Enabled: reason == "", Reason: reason})
	}
	return out
}

// offlineOver says why no offline factor is taken; "" while the offline period
// runs. Without a time to believe, it counts as over.
func offlineOver(rules Rules, facts Facts, now trustedtime.Reading) string {
	if !now.Trusted() {
		return textUntrusted
	}
	if facts.OfflineFrom.IsZero() || now.Time.Sub(facts.OfflineFrom) >= rules.OfflinePeriod {
		return fmt.Sprintf(textOfflineOver, span(rules.OfflinePeriod))
	}
	return ""
}

// graceLeft is what is left of the first grace: 0 when it is over, when the
// account ever had a factor, and while the time is not trusted.
func graceLeft(rules Rules, facts Facts, now trustedtime.Reading) time.Duration {
	if facts.HadFactor {
		return 0
	}
	return graceTime(rules, facts, now)
}

// graceTime is what is left of the time in which an account needs no offline
// factor, whether or not it has any factor.
func graceTime(rules Rules, facts Facts, now trustedtime.Reading) time.Duration {
	if !now.Trusted() || facts.FirstGoverned.IsZero() {
		return 0
	}
	return max(0, rules.Grace-now.Time.Sub(facts.FirstGoverned))
}

// setups are the factors that can be set up at the login window and that the
// policy allows. Without a time to believe none can: codes go by it, and so does
// what a reset removes.
func setups(rules Rules, facts Facts, now trustedtime.Reading) []wire.Choice {
	var out []wire.Choice
	for _, kind := range rules.Allowed {
		m, known := facts.method(kind)
		if !known || !m.CanEnrol || !now.Trusted() {
			continue
		}
		label := textSetUp
		if m.Have > 0 {
			label = textSetUpMore
		}
		out = append(out, wire.Choice{ID: m.Kind, Label: fmt.Sprintf(label, m.Label), Enabled: true})
	}
	return out
}

// links is the choice of connecting the account to its org user, where it is
// not yet and the policy has factors that the org verifies.
func links(rules Rules, facts Facts) []wire.Choice {
	if !rules.Linking || facts.Linked {
		return nil
	}
	return []wire.Choice{{ID: kindLink, Label: textLink, Enabled: facts.LinkReason == "", Reason: facts.LinkReason}}
}

// maySetUp is the rule for enrolment (design §5): in the same login the org's
// factor or an open window, or the first grace of an account that never had a
// factor. The password alone never suffices after that, or whoever has it could
// bring a phone of their own. Within a session, where no password was typed,
// any factor that was shown is as good, and nothing less.
func (t *turn) maySetUp() bool {
	if t.Purpose == Enrolment {
		return t.Proof.Kind != ""
	}
	return t.Proof.Online || t.facts.Window > 0 || t.graceLeft() > 0
}

// span is a period as people say it, rounded up to its unit.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d > 2*time.Hour:
		return fmt.Sprintf("%d hours", units(d, time.Hour))
	case d > 2*time.Minute:
		return fmt.Sprintf("%d minutes", units(d, time.Minute))
	}
	return fmt.Sprintf("%d seconds", max(1, units(d, time.Second)))
}

func units(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit }
