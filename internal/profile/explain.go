package profile

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Sentence is what a profile means for the people at the login window.
type Sentence struct {
	Topic string `json:"topic"`
	Text  string `json:"text"`
}

// Row is one setting in force.
type Row struct {
	Key    string     `json:"key"`
	Value  string     `json:"value"`  // never a secret
	Origin string     `json:"origin"` // forced, or default
	Until  *time.Time `json:"until,omitempty"`
}

// Explanation is a profile in the terms of those who live with it.
type Explanation struct {
	Now       time.Time  `json:"now"`
	Sentences []Sentence `json:"sentences"`
	Settings  []Row      `json:"settings"`
}

// Explain says what people will experience under a policy, with its periods
// as dates from a moment.
func Explain(p *policy.Policy, now time.Time) Explanation {
	e := Explanation{Now: now.UTC()}
	say := func(topic, text string) { e.Sentences = append(e.Sentences, Sentence{topic, text}) }
	say("who", who(p))
	if p.Observes() {
		say("observe", "For now this is a trial: every screen can be skipped, and nobody is kept out; the events say what would have happened.")
	}
	say("grace", grace(p, now))
	say("linking", "An account is connected to a user of "+p.OrgURL.V+" with "+factorName(p.AccountLinkingMFAFactor.V)+".")
	say("factors", factors(p))
	say("offline", offline(p, now))
	say("recovery", recovery(p, now))
	say("validity", validity(p, now))
	say("contact", contact(p))
	say("unavailable", unavailable(p))
	if p.RecoveryURL.V != p.OrgURL.V {
		say("server", "Macs check in with "+p.RecoveryURL.V+", and the help desk makes PINs there.")
	}
	if p.LinkedUser.V != "" {
		say("linked", "One account of the Mac is connected to "+p.LinkedUser.V+" from the start.")
	}
	if !p.ManageLoginRight.V {
		say("login-right", "Latchkey does not put itself into the login window: something else has to edit the right.")
	}
	e.Settings = rows(p, now)
	return e
}

func who(p *policy.Policy) string {
	required, exempt := p.MFARequiredList.V, p.MFANotRequiredList.V
	all := slices.Contains(required, policy.All)
	but := ""
	if named := slices.DeleteFunc(slices.Clone(exempt), func(n string) bool { return !all && !slices.Contains(required, n) }); len(named) > 0 {
		but = ", but for " + and(named)
	}
	switch {
	case slices.Contains(exempt, policy.All) || len(required) == 0 || !all && !slices.ContainsFunc(required, p.Governs):
		return "Nobody needs a second factor: the password is enough for every account."
	case all:
		return "Every account needs a second factor after the password" + but + "."
	}
	return "Only " + and(required) + " need a second factor after the password" + but + "; all other accounts do not."
}

func grace(p *policy.Policy, now time.Time) string {
	period := p.LoginPeriodWithoutEnrolledFactor.V
	if period == 0 {
		return "Who has no factor yet must set one up at the first login."
	}
	return "Who has no factor yet gets in with the password alone for " + span(period) + " from the first login, and must then set one up: whose first login is now, by " + moment(now.Add(period)) + "."
}

func factors(p *policy.Policy) string {
	var names []string
	for _, f := range p.OrderedFactors() {
		names = append(names, factorName(f))
	}
	if len(names) == 0 {
		return "No factor can be used: only a recovery PIN lets people in."
	}
	return "They can use, in this order: " + strings.Join(names, "; ") + "."
}

// factorName is a factor in words.
func factorName(f string) string {
	switch f {
	case policy.FactorPush:
		return "a push with a number (" + f + ")"
	case policy.FactorTOTP:
		return "a code of the org's app (" + f + ")"
	case policy.FactorAccessCode:
		return "a device access code (" + f + ")"
	case policy.FactorKey:
		return "a security key that the org checks (" + f + ")"
	case policy.FactorOfflineKey:
		return "a security key that the Mac checks (" + f + ")"
	}
	return f
}

func offline(p *policy.Policy, now time.Time) string {
	any := slices.ContainsFunc(p.OrderedFactors(), policy.Offline)
	if !any {
		return "Without a network nobody gets in with a factor: no offline factor can be used. A recovery PIN works offline."
	}
	period := p.LoginPeriodWithOfflineFactor.V
	return "Offline factors work for " + span(period) + " after the last online sign-in: for one of now, until " + moment(now.Add(period)) + ". Then an online factor is needed."
}

func recovery(p *policy.Policy, now time.Time) string {
	period := p.DeviceRecoveryPINDuration.V
	return "Who has lost every factor reads out the Mac's name and serial number to the help desk and gets a recovery PIN, to be typed within two minutes. On that Mac it then works again for " +
		span(period) + ": for one that is first used now, until " + moment(now.Add(period)) + "."
}

func validity(p *policy.Policy, now time.Time) string {
	period := p.DeviceRecoveryValidity.V
	return "The help desk can make PINs for a Mac for " + span(period) + " after the Mac last confirmed its recovery secret: for one that does so now and then stays offline, until " + moment(now.Add(period)) + "."
}

func contact(p *policy.Policy) string {
	var ways []string
	for _, way := range []string{p.AdminEmail.V, p.AdminPhone.V} {
		if way != "" {
			ways = append(ways, way)
		}
	}
	if len(ways) == 0 {
		return "Contact admin shows nobody to ask: neither AdminEmail nor AdminPhone is set."
	}
	return "Contact admin shows " + and(ways) + "."
}

func unavailable(p *policy.Policy) string {
	if p.Unavailable.V == policy.UnavailableAllow {
		return "When Latchkey itself fails on the Mac, the password alone is enough."
	}
	return "When Latchkey itself fails on the Mac, nobody who needs a second factor gets in."
}

// rows are all settings, in the order of the docs.
func rows(p *policy.Policy, now time.Time) []Row {
	report := p.Report()
	var out []Row
	for _, d := range policy.Definitions() {
		if d.Secret {
			out = append(out, Row{Key: d.Key, Value: "[hidden]", Origin: policy.Forced.String()})
			continue
		}
		r := Row{Key: d.Key, Value: shownValue(d, report[d.Key].Value), Origin: report[d.Key].Origin}
		if n, ok := report[d.Key].Value.(float64); ok && d.Kind == policy.Number {
			until := now.Add(time.Duration(n * float64(length(d.Unit)))).UTC()
			r.Until = &until
		}
		out = append(out, r)
	}
	return out
}

func length(u policy.Unit) time.Duration {
	switch u {
	case policy.Minutes:
		return time.Minute
	case policy.Days:
		return 24 * time.Hour
	}
	return time.Hour
}

func shownValue(d policy.Definition, v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) + " " + string(d.Unit)
	case []string:
		if len(v) == 0 {
			return "none"
		}
		return strings.Join(v, ", ")
	case string:
		if v == "" {
			return "none"
		}
		return v
	}
	return fmt.Sprint(v)
}

// moment is a date as the table and the sentences show it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// WriteTo writes the sentences, and the table below them.
func (e Explanation) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	for _, s := range e.Sentences {
		b.WriteString("* " + s.Text + "\n")
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tSET\tFROM NOW UNTIL")
	for _, r := range e.Settings {
		until := ""
		if r.Until != nil {
			until = moment(*r.Until)
		}
		fmt.Fprintln(w, strings.TrimRight(r.Key+"\t"+r.Value+"\t"+r.Origin+"\t"+until, "\t"))
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}
