package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// TestBadKeys: each row is one problem, in the words that a person reads. The
// key stands on line 4.
func TestBadKeys(t *testing.T) {
	cases := []struct{ settings, want string }{
		{"<key>DeviceRecoveryPINDuration</key><real>7201</real>",
			"error: line 4: DeviceRecoveryPINDuration is 7201; allowed: a <real> or <integer> from 1 to 7200 minutes (it is too large)"},
		{"<key>DeviceRecoveryPINDuration</key><integer>0</integer>",
			"error: line 4: DeviceRecoveryPINDuration is 0; allowed: a <real> or <integer> from 1 to 7200 minutes (it is too small)"},
		{"<key>LoginPeriodWithOfflineFactor</key><real>-1</real>",
			"error: line 4: LoginPeriodWithOfflineFactor is -1; allowed: a <real> or <integer> from 0 to 1000000 hours (it is too small)"},
		{"<key>LoginPeriodWithOfflineFactor</key><real>nan</real>",
			"error: line 4: LoginPeriodWithOfflineFactor is NaN; allowed: a <real> or <integer> from 0 to 1000000 hours (it is not a number)"},
		{"<key>DeviceRecoveryValidityInDays</key><real>inf</real>",
			"error: line 4: DeviceRecoveryValidityInDays is +Inf; allowed: a <real> or <integer> from 1 to 365 days (it is infinite)"},
		{"<key>DeviceRecoveryValidityInDays</key><integer>18446744073709551615</integer>",
			"error: line 4: DeviceRecoveryValidityInDays is 1.8446744073709552e+19; allowed: a <real> or <integer> from 1 to 365 days (it is too large)"},
		{"<key>DeviceRecoveryPINDuration</key><string>60</string>",
			`error: line 4: DeviceRecoveryPINDuration is "60"; allowed: a <real> or <integer> from 1 to 7200 minutes (it is a string)`},
		{"<key>OfflineLoginAllowed</key><string>true</string>",
			`error: line 4: OfflineLoginAllowed is "true"; allowed: <true/> or <false/> (it is a string)`},
		{"<key>OfflineLoginAllowed</key><integer>1</integer>",
			"error: line 4: OfflineLoginAllowed is 1; allowed: <true/> or <false/> (it is an integer)"},
		{"<key>MFARequiredList</key><string>*</string>",
			`error: line 4: MFARequiredList is "*"; allowed: an <array> of <string>, each a local account's short name, or * for all (it is a string)`},
		{"<key>MFARequiredList</key><array><string>kim</string><integer>501</integer></array>",
			`error: line 4: MFARequiredList is ["kim", 501]; allowed: an <array> of <string>, each a local account's short name, or * for all (entry 2 is an integer)`},
		{"<key>MFANotRequiredList</key><array><string>kim </string></array>",
			`error: line 4: MFANotRequiredList is ["kim "]; allowed: an <array> of <string>, each a local account's short name, or * for all (entry 1 has a space around it or a control character in it)`},
		{"<key>AllowedFactors</key><array><string>OV_push</string></array>",
			`error: line 4: AllowedFactors is ["OV_push"]; allowed: an <array> of <string>: * alone, or some of OV_Push, OV_TOTP, Offline_TOTP, FIDO2_USB_key, Offline_Security_key (entry 1: did you mean OV_Push?)`},
		{"<key>AllowedFactors</key><array><string>*</string><string>OV_Push</string></array>", "(* stands alone)"},
		{"<key>AllowedFactors</key><array><string>OV_TOTP</string><string>OV_TOTP</string></array>", "(entry 2 stands there twice)"},
		{"<key>AllowedFactors</key><array/>", "(it is empty, so nobody could log in)"},
		{"<key>AllowedFactors</key><array><string>SMS</string></array>", "(entry 1: it is none of these; they are case sensitive)"},
		{"<key>AccountLinkingMFAFactor</key><string>OV_PUSH</string>",
			`error: line 4: AccountLinkingMFAFactor is "OV_PUSH"; allowed: a <string>, one of OV_Push, OV_TOTP (did you mean OV_Push?)`},
		{"<key>LatchkeyEnforcement</key><string>off</string>", "one of enforce, observe (it is none of these"},
		{"<key>LatchkeyRecoveryURL</key><string>http://latchkey.example</string>",
			`error: line 4: LatchkeyRecoveryURL is "http://latchkey.example"; allowed: a <string> with an https URL, such as https://example.okta.com (it begins with http:)`},
		{"<key>LatchkeyRecoveryURL</key><string>latchkey.example</string>", "(https:// is missing)"},
		{"<key>LatchkeyRecoveryURL</key><string></string>", "(https:// is missing)"},
		{"<key>LatchkeyRecoveryURL</key><string>https://</string>", "(it names no host)"},
		{"<key>LatchkeyRecoveryURL</key><string>https://a.example/?b=c</string>", "(only host, port and path belong into it)"},
		{"<key>LatchkeyRecoveryURL</key><string>https://kim:hunter2@a.example</string>", "LatchkeyRecoveryURL is [hidden]"},
		{"<key>LatchkeyRecoveryURL</key><string>https://a.example:port</string>", "(it is no URL)"},
		{"<key>AdminPhone</key><integer>112</integer>", "error: line 4: AdminPhone is 112; allowed: a <string> (it is an integer)"},
		{"<key>AdminEmail</key><string>a\u202eb</string>", "(it has a control or formatting character in it)"},
		{"<key>AdminEmail</key><string>" + strings.Repeat("x", 1025) + "</string>", "(it is longer than 1024 bytes)"},
		{"<key>AdminEmail</key><dict/>", "AdminEmail is a dictionary of 0"},
		{"<key>AdminEmial</key><string>hunter2</string>",
			"warning: line 4: AdminEmial is unknown; allowed: the keys in docs/settings.md; this one is passed over (did you mean AdminEmail?)"},
		{"<key>MFABypassList</key><array/>", "warning: line 4: MFABypassList is a key of Okta's Windows product"},
		{"<key>SomethingElse</key><true/>", "warning: line 4: SomethingElse is unknown; allowed: the keys in docs/settings.md; this one is passed over"},
		{"<key>MFARequiredList</key><array><string>adm*</string></array>", "warning: line 4: MFARequiredList"},
		{"<key>MFARequiredList</key><array/>", "(it is empty: nobody needs a second factor)"},
		{"<key>MFANotRequiredList</key><array><string>*</string></array>", "(* turns the second factor off for everybody)"},
		{"<key>AllowedFactors</key><array><string>Offline_TOTP</string></array><key>OfflineLoginAllowed</key><false/>", "only a recovery PIN lets people in"},
	}
	for _, c := range cases {
		t.Run(c.settings[:min(60, len(c.settings))], func(t *testing.T) {
			p, problems := FromDocument(parse(t, required+c.settings))
			if len(problems) != 1 {
				t.Fatalf("%d problems: %v", len(problems), problems)
			}
			one := problems[0]
			if got := one.Severity.String() + ": " + one.String(); !strings.Contains(got, c.want) {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if one.Line != 4 || one.Column != 1 {
				t.Errorf("at line %d, column %d", one.Line, one.Column)
			}
			if (p == nil) != (one.Severity == Error) {
				t.Errorf("policy %v with a %v", p != nil, one.Severity)
			}
			if strings.Contains(one.String(), "hunter2") {
				t.Error("a secret is shown")
			}
		})
	}
}

func TestClientSecretIsNeverAProblemsValue(t *testing.T) {
	for _, value := range []string{"<integer>271828</integer>", "<array><string>271828</string></array>", "<string>271828\u202e</string>"} {
		_, problems := FromDocument(parse(t, strings.Replace(required, "<string>hunter2</string>", value, 1)))
		raw, err := json.Marshal(problems)
		if err != nil || len(problems) != 1 || strings.Contains(string(raw), "271828") {
			t.Errorf("%s: %s, %v", value, raw, err)
		}
	}
}

func TestEveryBadKeyIsNamed(t *testing.T) {
	p, problems := FromDocument(parse(t, `
<key>DMFAClientID</key><string> </string>
<key>AdminPhone</key><true/>
<key>Typo</key><true/>
<key>OfflineLoginAllowed</key><string>no</string>`))
	var keys []string
	for _, one := range problems {
		keys = append(keys, one.Key)
	}
	want := []string{"DMFAClientID", "AdminPhone", "Typo", "OfflineLoginAllowed", "DMFAClientSecret", "DMFAOrgURL"}
	if p != nil || !slices.Equal(keys, want) {
		t.Errorf("%v, want %v", keys, want)
	}
	if last := problems[5].String(); last != "DMFAOrgURL is missing; allowed: a <string> with an https URL, such as https://example.okta.com" {
		t.Error(last)
	}
}

func TestNotADictionary(t *testing.T) {
	d, err := plist.Parse([]byte("<plist>\n<array/></plist>"))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := FromDocument(d)
	if p != nil || len(problems) != 1 || problems[0].Line != 2 || problems[0].Value != "an array" {
		t.Errorf("%v", problems)
	}
}

func TestLongValuesAreShortened(t *testing.T) {
	_, problems := FromDocument(parse(t, required+"<key>MFARequiredList</key><array>"+strings.Repeat("<string>"+strings.Repeat("ü", 200)+"</string>", 50)+"</array>"))
	if len(problems) != 1 || len(problems[0].Value) > 1200 || !strings.Contains(problems[0].Value, "and 42 more") {
		t.Errorf("%v", problems)
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"AdminEmail", "AdminPhone", "MFARequiredList"}
	for written, want := range map[string]string{
		"adminemail": "AdminEmail", "AdminEmial": "AdminEmail", "AdminFone": "AdminPhone", "MFARequireList": "MFARequiredList",
		"Admin": "", "": "", strings.Repeat("AdminEmail", 1000): "",
	} {
		if got, ok := Nearest(written, candidates); got != want || ok != (want != "") {
			t.Errorf("%.20q: %q, %v; want %q", written, got, ok, want)
		}
	}
}

// FuzzFromDocument: no property list makes a policy without the required keys,
// or a policy out of an error, and every problem names its key.
func FuzzFromDocument(f *testing.F) {
	f.Add([]byte("<plist><dict>" + required + "</dict></plist>"))
	f.Add([]byte("<plist><dict>" + required + "<key>AllowedFactors</key><array><string>OV_Push</string></array></dict></plist>"))
	f.Add([]byte("<plist><dict>" + required + "<key>LoginPeriodWithOfflineFactor</key><real>1e300</real></dict></plist>"))
	f.Fuzz(func(t *testing.T, input []byte) {
		d, err := plist.Parse(input)
		if err != nil {
			return
		}
		p, problems := FromDocument(d)
		if (p == nil) != problems.Failed() {
			t.Fatalf("policy %v with %v", p != nil, problems)
		}
		for _, one := range problems {
			if one.Allowed == "" || len(one.String()) > 4096 {
				t.Fatalf("%+v", one)
			}
		}
		if p == nil {
			return
		}
		if p.ClientID.V == "" || !strings.HasPrefix(p.OrgURL.V, "https://") || p.DeviceRecoveryPINDuration.V <= 0 || p.LoginPeriodWithOfflineFactor.V < 0 {
			t.Fatalf("%+v", p)
		}
		if _, err := p.Effective(); err != nil {
			t.Fatal(err)
		}
	})
}
