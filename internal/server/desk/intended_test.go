package desk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

func policyOf(t *testing.T, more string) *policy.Policy {
	t.Helper()
	d, err := plist.Parse([]byte(`<plist><dict><key>DMFAClientID</key><string>id</string><key>DMFAClientSecret</key><string>hunter2</string><key>DMFAOrgURL</key><string>https://org.example</string>` + more + `</dict></plist>`))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := policy.FromDocument(d)
	if p == nil {
		t.Fatal(problems)
	}
	return p
}

// TestThePolicyInForceAgainstTheIntended: what differs is named, with both
// values, and nothing that is merely written otherwise.
func TestThePolicyInForceAgainstTheIntended(t *testing.T) {
	o := newOrg(t)
	ctx := as(access.SuperAdmin)
	if _, there, err := o.IntendedPolicy(ctx); there || err != nil {
		t.Fatal(there, err)
	}
	if err := o.SaveIntendedPolicy(ctx, policyOf(t, `<key>DeviceRecoveryPINDuration</key><real>60</real><key>MFANotRequiredList</key><array><string>admin</string></array>`)); err != nil {
		t.Fatal(err)
	}
	in, there, err := o.IntendedPolicy(as(access.ReadOnlyAdmin))
	if !there || err != nil || in.SavedBy == "" || in.SavedAt.IsZero() {
		t.Fatalf("%+v %v %v", in, there, err)
	}
	if raw, err := json.Marshal(in); err != nil || strings.Contains(string(raw), "hunter2") {
		t.Errorf("the secret is kept: %s, %v", raw, err)
	}
	for name, tt := range map[string]struct{ effective, want string }{
		"the same":               {report(t, policyOf(t, `<key>DeviceRecoveryPINDuration</key><integer>60</integer><key>MFANotRequiredList</key><array><string>admin</string></array>`)), ""},
		"another duration":       {report(t, policyOf(t, `<key>DeviceRecoveryPINDuration</key><real>120</real><key>MFANotRequiredList</key><array><string>admin</string></array>`)), "DeviceRecoveryPINDuration 60 120"},
		"nobody exempt":          {report(t, policyOf(t, "")), `MFANotRequiredList ["admin"] []`},
		"an older Mac, fewer":    {`{"DeviceRecoveryPINDuration":{"value":60,"origin":"forced"}}`, "*"},
		"a Mac without a policy": {"", ""},
		"nonsense":               {`[1]`, ""},
	} {
		var got []string
		for _, d := range in.Differences(json.RawMessage(tt.effective)) {
			a, _ := json.Marshal(d.Intended)
			b, _ := json.Marshal(d.InForce)
			got = append(got, d.Key+" "+string(a)+" "+string(b))
		}
		if said := strings.Join(got, "; "); said != tt.want && (tt.want != "*" || said == "") {
			t.Errorf("%s: %q, want %q", name, said, tt.want)
		}
	}
	if err := o.SaveIntendedPolicy(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if _, there, err := o.IntendedPolicy(ctx); there || err != nil {
		t.Error(there, err)
	}
}

func report(t *testing.T, p *policy.Policy) string {
	t.Helper()
	raw, err := p.Effective()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
