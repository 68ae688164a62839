package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// required are the keys without which there is no policy, one a line.
const required = `<key>DMFAClientID</key><string>id</string>
<key>DMFAClientSecret</key><string>hunter2</string>
<key>DMFAOrgURL</key><string>https://org.example</string>
`

func parse(t testing.TB, settings string) plist.Document {
	t.Helper()
	d, err := plist.Parse([]byte("<plist><dict>" + settings + "</dict></plist>"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// policyOf is the policy of the required keys and more, which must be good.
func policyOf(t testing.TB, more string) *Policy {
	t.Helper()
	p, problems := FromDocument(parse(t, required+more))
	if p == nil {
		t.Fatalf("%s: %v", more, problems)
	}
	return p
}

func TestDefaults(t *testing.T) {
	p := policyOf(t, "")
	if p.LoginPeriodWithoutEnrolledFactor != (Value[time.Duration]{48 * time.Hour, Default}) || p.LoginPeriodWithOfflineFactor.V != 168*time.Hour ||
		p.DeviceRecoveryPINDuration.V != time.Hour || p.DeviceRecoveryValidity.V != 720*time.Hour {
		t.Errorf("periods: %+v", p)
	}
	if !p.OfflineLoginAllowed.V || !p.ManageLoginRight.V || p.Unavailable.V != UnavailableDeny || p.Observes() || p.AccountLinkingMFAFactor.V != FactorPush {
		t.Errorf("%+v", p)
	}
	if p.OrgURL != (Value[string]{"https://org.example", Forced}) || p.RecoveryURL != (Value[string]{"https://org.example", Default}) {
		t.Errorf("URLs: %v, %v", p.OrgURL, p.RecoveryURL)
	}
	if !p.Governs("kim") || !reflect.DeepEqual(p.OrderedFactors(), Factors()) {
		t.Errorf("governs %v, factors %v", p.Governs("kim"), p.OrderedFactors())
	}
}

func TestForcedValues(t *testing.T) {
	p := policyOf(t, `<key>LoginPeriodWithoutEnrolledFactor</key><real>0.5</real>
<key>LoginPeriodWithOfflineFactor</key><integer>24</integer>
<key>DeviceRecoveryPINDuration</key><real>7200</real>
<key>DeviceRecoveryValidityInDays</key><integer>90</integer>
<key>LatchkeyRecoveryURL</key><string>HTTPS://latchkey.example:8443/base/</string>
<key>LatchkeyEnforcement</key><string>observe</string>
<key>LatchkeyUnavailablePolicy</key><string>allow</string>
<key>LatchkeyManageLoginRight</key><false/>
<key>LatchkeyLinkedUser</key><string>kim@org.example</string>
<key>AccountLinkingMFAFactor</key><string>OV_TOTP</string>`)
	if p.LoginPeriodWithoutEnrolledFactor != (Value[time.Duration]{30 * time.Minute, Forced}) || p.LoginPeriodWithOfflineFactor.V != 24*time.Hour ||
		p.DeviceRecoveryPINDuration.V != 120*time.Hour || p.DeviceRecoveryValidity.V != 90*24*time.Hour {
		t.Errorf("periods: %+v", p)
	}
	if p.RecoveryURL != (Value[string]{"https://latchkey.example:8443/base", Forced}) || !p.Observes() || p.Unavailable.V != UnavailableAllow ||
		p.ManageLoginRight.V || p.LinkedUser.V != "kim@org.example" || p.AccountLinkingMFAFactor.V != FactorTOTP {
		t.Errorf("%+v", p)
	}
}

func TestSamples(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/profiles/jamf-pro.plist")
	if err != nil {
		t.Fatal(err)
	}
	d, err := plist.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	p, problems := FromDocument(d)
	if p == nil || len(problems) != 0 {
		t.Fatalf("the Jamf sample: %v", problems)
	}
	if p.LoginPeriodWithOfflineFactor != (Value[time.Duration]{24 * time.Hour, Forced}) || p.OrgURL.V != "https://your-okta-URL" || p.AdminPhone.V != "111-222-3333" {
		t.Errorf("%+v", p)
	}
	for _, whole := range []string{"kandji.mobileconfig", "workspace-one.fragment.xml"} {
		raw, err := os.ReadFile("../../testdata/profiles/" + whole)
		if err != nil {
			t.Fatal(err)
		}
		d, err := plist.ParseFragment(raw)
		if err != nil {
			t.Fatal(err)
		}
		if p, problems := FromDocument(d); p != nil || len(problems) != 1 || !strings.Contains(problems[0].Hint, "whole configuration profile") {
			t.Errorf("%s: %v", whole, problems)
		}
	}
}

func TestGoverns(t *testing.T) {
	list := func(key string, names ...string) string {
		return "<key>" + key + "</key><array><string>" + strings.Join(names, "</string><string>") + "</string></array>"
	}
	cases := []struct {
		name, settings string
		governed, free []string
	}{
		{"nothing set", "", []string{"kim", "root", "Kim"}, []string{"_mbsetupuser"}},
		{"a list", list("MFARequiredList", "kim", "lee"), []string{"kim", "lee"}, []string{"Kim", "root", "kimberly", "_mbsetupuser"}},
		{"an exception", list("MFANotRequiredList", "kim"), []string{"lee", "KIM", "root"}, []string{"kim"}},
		{"both name one", list("MFARequiredList", "kim", "lee") + list("MFANotRequiredList", "kim"), []string{"lee"}, []string{"kim"}},
		{"root by name", list("MFARequiredList", "root"), []string{"root"}, []string{"kim"}},
		{"everybody excepted", list("MFANotRequiredList", "*"), nil, []string{"kim", "root"}},
		{"Setup Assistant by name", list("MFARequiredList", "_mbsetupuser"), nil, []string{"_mbsetupuser"}},
		{"nobody", "<key>MFARequiredList</key><array/>", nil, []string{"kim"}},
		{"a star inside a name", list("MFARequiredList", "adm*"), []string{"adm*"}, []string{"admin"}},
		{"an account without a name", list("MFARequiredList", "kim"), []string{""}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := policyOf(t, c.settings)
			for _, name := range c.governed {
				if !p.Governs(name) {
					t.Errorf("%q passes without a second factor", name)
				}
			}
			for _, name := range c.free {
				if p.Governs(name) {
					t.Errorf("%q is governed", name)
				}
			}
		})
	}
	if !(&Policy{}).Governs("kim") {
		t.Error("a policy that nobody made lets an account pass")
	}
}

func TestOrderedFactors(t *testing.T) {
	only := func(names ...string) string {
		return "<key>AllowedFactors</key><array><string>" + strings.Join(names, "</string><string>") + "</string></array>"
	}
	const offlineOff, never = "<key>OfflineLoginAllowed</key><false/>", "<key>LoginPeriodWithOfflineFactor</key><integer>0</integer>"
	online := []string{FactorPush, FactorTOTP, FactorKey}
	cases := []struct {
		name, settings string
		want           []string
	}{
		{"all", only("*"), Factors()},
		{"the order listed", only("Offline_TOTP", "OV_Push"), []string{FactorAccessCode, FactorPush}},
		{"offline login not allowed", offlineOff, online},
		{"no offline period", never, online},
		{"only offline, and that off", only("Offline_TOTP") + offlineOff, []string{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := policyOf(t, c.settings)
			if got := p.OrderedFactors(); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			for _, f := range Factors() {
				if p.AllowsFactor(f) != slices.Contains(c.want, f) {
					t.Errorf("%s: %v", f, p.AllowsFactor(f))
				}
			}
		})
	}
}

func TestEffective(t *testing.T) {
	p := policyOf(t, "<key>DeviceRecoveryPINDuration</key><real>90</real>")
	raw, err := p.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]struct {
		Value  any
		Origin string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if v := got["DeviceRecoveryPINDuration"]; v.Value != 90.0 || v.Origin != "forced" {
		t.Errorf("PIN duration %+v", v)
	}
	if v := got["DeviceRecoveryValidityInDays"]; v.Value != 30.0 || v.Origin != "default" {
		t.Errorf("validity %+v", v)
	}
	if v := got["LatchkeyRecoveryURL"]; v.Value != "https://org.example" || v.Origin != "default" {
		t.Errorf("recovery URL %+v", v)
	}
	for _, d := range Definitions() {
		if _, there := got[d.Key]; there == d.Secret {
			t.Errorf("%s: reported %v", d.Key, there)
		}
	}
	if strings.Contains(string(raw), "hunter2") {
		t.Error("the secret is in the report")
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	p := policyOf(t, "")
	if p.ClientSecret.V.Reveal() != "hunter2" {
		t.Fatal("the secret is lost")
	}
	asJSON, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(asJSON), p.ClientSecret.V.String(), fmt.Sprint(p.ClientSecret.V.MarshalJSON())}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, p), fmt.Sprintf(verb, p.ClientSecret), fmt.Sprintf(verb, p.ClientSecret.V))
	}
	for _, s := range shown {
		if strings.Contains(s, "hunter2") || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret is shown: %.200s", s)
		}
	}
}
