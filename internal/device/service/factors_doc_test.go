package service

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

var update = flag.Bool("update", false, "write the tables of docs/factors.md anew")

const factorsPage = "../../../docs/factors.md"

// noon is the time of every row.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// row is what an account is, and what is around it.
type row struct {
	keys           string // of the profile, beside the required ones
	linked, phone  bool
	key            bool
	orgOnline      bool
	since          time.Duration // the last online login, or the first enrolment
	governedFor    time.Duration
	had, untrusted bool
	window         time.Duration
	purpose        login.Purpose
}

// sees is the first list that the engine shows.
func (r row) sees(t *testing.T) wire.Screen {
	t.Helper()
	state, _ := r.play(t, login.State{}, login.Begin{Purpose: r.purpose})
	if state.Step == login.StepRunning {
		state, _ = r.play(t, state, login.Acted{Act: wire.Act{Seq: state.Seq, Action: wire.ActionSubmit}})
		state, _ = r.play(t, state, login.Asked{Run: state.Run, Wait: true, Screen: wire.Screen{Kind: wire.KindCode}})
		state, _ = r.play(t, state, login.Acted{Act: wire.Act{Seq: state.Seq, Action: wire.ActionAnother}})
	}
	return state.Screen
}

func (r row) play(t *testing.T, state login.State, in login.Input) (login.State, []login.Effect) {
	t.Helper()
	d, err := plist.Parse([]byte(`<plist><dict><key>DMFAClientID</key><string>id</string><key>DMFAClientSecret</key><string>s</string><key>DMFAOrgURL</key><string>https://org.example</string>` + r.keys + `</dict></plist>`))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := policy.FromDocument(d)
	if p == nil {
		t.Fatal(problems)
	}
	return login.Next(rulesOf(p, "ada"), r.facts(), r.now(), state, in)
}

func (r row) now() trustedtime.Reading {
	now := trustedtime.Reading{Time: noon, Source: trustedtime.Anchored, Continuous: time.Hour, Boot: "b"}
	if r.untrusted {
		now.Source = trustedtime.Untrusted
	}
	return now
}

func (r row) facts() login.Facts {
	reason := ""
	if !r.orgOnline {
		reason = "the reason why it cannot be reached"
	}
	count := map[bool]int{true: 1}
	return login.Facts{Met: true, FirstGoverned: noon.Add(-r.governedFor), HadFactor: r.had || r.linked || r.phone || r.key, OfflineFrom: noon.Add(-r.since),
		Window: r.window, Linked: r.linked, LinkReason: reason,
		Methods: []login.Method{
			{Kind: online.KindPush, Label: online.LabelPush, Online: true, Enrolled: r.linked, Reason: reason},
			{Kind: online.KindCode, Label: online.LabelCode, Online: true, Enrolled: r.linked, Reason: reason},
			{Kind: accesscode.Kind, Label: accesscode.Label, Enrolled: r.phone, CanEnrol: true, Have: count[r.phone]},
			{Kind: online.KindKey, Label: online.LabelKey, Online: true, Enrolled: r.linked, Reason: reason},
			{Kind: offlinekey.Kind, Label: offlinekey.Label, Enrolled: r.key, CanEnrol: true, Have: count[r.key]},
		}}
}

// word is how a way stands on a screen.
func word(s wire.Screen, id string) string {
	at := slices.IndexFunc(s.Choices, func(c wire.Choice) bool { return c.ID == id })
	switch {
	case at < 0:
		return "not shown"
	case s.Choices[at].Enabled:
		return "can be chosen"
	}
	return "shown, with: *" + s.Choices[at].Reason + "*"
}

// byFactor is factor × org × allowed × period.
func byFactor(t *testing.T) string {
	var out strings.Builder
	fmt.Fprintln(&out, "| factor | the policy | the org | last online login | what the user sees |\n|---|---|---|---|---|")
	for _, kind := range policy.Factors() {
		others := slices.DeleteFunc(policy.Factors(), func(k string) bool { return k == kind })
		for _, p := range []struct{ says, keys string }{
			{"allows it", ""},
			{"does not name it in `AllowedFactors`", "<key>AllowedFactors</key><array><string>" + strings.Join(others, "</string><string>") + "</string></array>"},
			{"has `OfflineLoginAllowed` false", "<key>OfflineLoginAllowed</key><false/>"},
			{"has `LoginPeriodWithOfflineFactor` 0", "<key>LoginPeriodWithOfflineFactor</key><real>0</real>"},
		} {
			for _, line := range merged(func(org bool, ago time.Duration) string {
				return word(row{keys: p.keys, linked: true, phone: true, key: true, orgOnline: org, since: ago, governedFor: 1000 * time.Hour}.sees(t), kind)
			}) {
				fmt.Fprintf(&out, "| `%s` | %s | %s |\n", kind, p.says, line)
			}
		}
	}
	return out.String()
}

// merged is what is seen by org and period, in as few lines as say it.
func merged(sees func(org bool, ago time.Duration) string) (lines []string) {
	const inside, over = 24 * time.Hour, 200 * time.Hour
	byPeriod := func(org bool) []string {
		if a, b := sees(org, inside), sees(org, over); a != b {
			return []string{"inside the period | " + a, "longer ago | " + b}
		}
		return []string{"whenever | " + sees(org, inside)}
	}
	with, without := byPeriod(true), byPeriod(false)
	if slices.Equal(with, without) {
		for _, line := range with {
			lines = append(lines, "answers or not | "+line)
		}
		return lines
	}
	for _, line := range with {
		lines = append(lines, answers(true)+" | "+line)
	}
	for _, line := range without {
		lines = append(lines, answers(false)+" | "+line)
	}
	return lines
}

func answers(org bool) string {
	if org {
		return "answers"
	}
	return "does not answer"
}

// byAccount is what an account without any factor to use is shown.
func byAccount(t *testing.T) string {
	var out strings.Builder
	fmt.Fprintln(&out, "| the account | the org | what the user sees |\n|---|---|---|")
	for _, a := range []struct {
		says string
		row  row
	}{
		{"never had a factor, inside `LoginPeriodWithoutEnrolledFactor`", row{governedFor: 10 * time.Hour}},
		{"never had a factor, after it", row{governedFor: 50 * time.Hour}},
		{"never had a factor, and the Mac is not sure of the time", row{governedFor: 10 * time.Hour, untrusted: true}},
		{"was reset by an administrator, inside those hours", row{governedFor: 10 * time.Hour, had: true}},
		{"connected to its org user, no device access code", row{governedFor: 50 * time.Hour, linked: true}},
		{"device access code, not connected, period over", row{governedFor: 500 * time.Hour, phone: true, since: 200 * time.Hour}},
		{"security key of this Mac, not connected, period over", row{governedFor: 500 * time.Hour, key: true, since: 200 * time.Hour}},
		{"device access code and connected, and the Mac is not sure of the time", row{governedFor: 500 * time.Hour, phone: true, linked: true, untrusted: true}},
	} {
		for _, org := range []bool{true, false} {
			a.row.orgOnline = org
			s := a.row.sees(t)
			fmt.Fprintf(&out, "| %s | %s | **%s.** %s%s |\n", a.says, answers(org), s.Title, s.Text, entries(s))
		}
	}
	return out.String()
}

// entries are a screen's, in a line.
func entries(s wire.Screen) string {
	var list []string
	for _, c := range s.Choices {
		text := c.Label
		if !c.Enabled {
			text += " (" + c.Reason + ")"
		}
		list = append(list, text)
	}
	for _, a := range s.Actions {
		if a.Role != wire.RoleCancel && a.ID != wire.ActionSubmit {
			list = append(list, "*"+a.Label+"*")
		}
	}
	return " – " + strings.Join(list, "; ")
}

// afterwards is what is asked after a factor was shown.
func afterwards(t *testing.T) string {
	var out strings.Builder
	fmt.Fprintln(&out, "| shown | the account | then |\n|---|---|---|")
	for _, a := range []struct {
		shown, says string
		kind        string
		row         row
	}{
		{"a factor of the org", "has no device access code, inside `LoginPeriodWithoutEnrolledFactor`", online.KindPush, row{linked: true, governedFor: 10 * time.Hour}},
		{"a factor of the org", "has none, after it", online.KindPush, row{linked: true, governedFor: 50 * time.Hour}},
		{"a factor of the org", "has none, `OfflineLoginAllowed` false", online.KindPush, row{linked: true, governedFor: 50 * time.Hour, keys: "<key>OfflineLoginAllowed</key><false/>"}},
		{"a factor of the org", "has one", online.KindPush, row{linked: true, phone: true, governedFor: 50 * time.Hour}},
		{"a factor of the org", "has none, but a security key of this Mac", online.KindKey, row{linked: true, key: true, governedFor: 50 * time.Hour}},
		{"the security key of this Mac", "has no other factor", offlinekey.Kind, row{key: true, governedFor: 50 * time.Hour, since: time.Hour}},
		{"the device access code", "has one", accesscode.Kind, row{phone: true, governedFor: 50 * time.Hour, since: time.Hour}},
		{"the device access code", "has one, and a recovery window is open", accesscode.Kind, row{phone: true, governedFor: 50 * time.Hour, since: time.Hour, window: time.Hour}},
		{"the recovery PIN", "has one", "recovery_pin_window", row{phone: true, linked: true, governedFor: 50 * time.Hour, window: time.Hour}},
	} {
		a.row.orgOnline = true
		state, _ := a.row.play(t, login.State{Step: login.StepRunning, Kind: a.kind, Mode: login.Verify, Run: 1}, login.Ended{Run: 1, Verified: true})
		then := "in"
		if state.Step == login.StepOffer {
			then = "**" + state.Screen.Title + ".** " + state.Screen.Text + entries(state.Screen)
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", a.shown, a.says, then)
	}
	return out.String()
}

// TestFactorsPage: what docs/factors.md says is what the engine does.
func TestFactorsPage(t *testing.T) {
	raw, err := os.ReadFile(factorsPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for name, table := range map[string]func(*testing.T) string{"by-factor": byFactor, "by-account": byAccount, "afterwards": afterwards} {
		begin, end := "<!-- "+name+": made by TestFactorsPage -->\n", "<!-- end -->"
		head, rest, found := strings.Cut(page, begin)
		_, tail, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("docs/factors.md has no place for %s", name)
		}
		page = head + begin + "\n" + table(t) + "\n" + end + tail
	}
	if page == string(raw) {
		return
	}
	if !*update {
		t.Fatal("docs/factors.md is not what the engine does: go test ./internal/device/service -run TestFactorsPage -update")
	}
	if err := os.WriteFile(factorsPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}
