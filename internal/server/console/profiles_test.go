package console_test

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/profile"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// wanted is the form of a new profile, filled in.
func wanted(mdm string, more ...string) url.Values {
	form := url.Values{"mdm": {mdm}, "key-DMFAOrgURL": {"https://acme.example"}, "key-DMFAClientID": {"cli1"}, "secret": {"hunter2"}, "key-AdminEmail": {"it@acme.example"}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// TestAProfileForEachMDM: what is downloaded is what that console takes, and the
// linter finds nothing wrong with it.
func TestAProfileForEachMDM(t *testing.T) {
	s := newSite(t)
	b := s.admin("pat@example.com", access.OrgAdmin)
	b.get("/profiles").has("DMFAClientID", "LoginPeriodWithOfflineFactor", "Empty: 168", "Jamf Pro", "Intune").hasNot("intended policy from now on")
	for mdm, name := range map[string]string{"jamf": "com.okta.deviceaccess.servicedaemon.plist", "workspace-one": "com.okta.deviceaccess.servicedaemon.xml",
		"kandji": "latchkey-kandji.mobileconfig", "intune": "latchkey-intune.mobileconfig", "mobileconfig": "latchkey-mobileconfig.mobileconfig"} {
		a := b.post("/profiles/new", wanted(mdm, "key-MFANotRequiredList", "localadmin", "key-DeviceRecoveryPINDuration", "30"))
		a.is(200)
		if got := a.header.Get("Content-Disposition"); !strings.Contains(got, name) {
			t.Errorf("%s: %s", mdm, got)
		}
		report, err := new(profile.Linter).Lint(profile.File{Name: name, Data: []byte(a.body)})
		if err != nil || len(report.Findings) > 0 {
			t.Errorf("%s: %v, %v\n%s", mdm, report.Findings, err, a.body)
		}
		if p, err := profile.Read([]byte(a.body)); err != nil || !strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %v", mdm, err)
		} else if read, problems := p.Policy(); read == nil || read.DeviceRecoveryPINDuration.V.Minutes() != 30 {
			t.Errorf("%s: %+v, %v", mdm, read, problems)
		}
	}
	a := b.post("/profiles/new", wanted("intune", "scep", "static", "scepURL", "https://acme.example/scep", "scepChallenge", "one-for-all", "scepName", "{{serialnumber}}", "service", "on", "window", "on"))
	a.is(200).has("com.apple.security.scep", "one-for-all", "com.apple.servicemanagement")
	b.post("/profiles/new", wanted("jamf", "scep", "static", "scepURL", "https://acme.example/scep", "scepChallenge", "x", "scepName", "y")).is(200).has("need a configuration profile")
}

// TestAWrongValueIsNamed, what was typed stays, and no secret comes back.
func TestAWrongValueIsNamed(t *testing.T) {
	s := newSite(t)
	b := s.admin("pat@example.com", access.OrgAdmin)
	for field, want := range map[string]string{"key-DeviceRecoveryPINDuration": "DeviceRecoveryPINDuration", "key-DMFAOrgURL": "DMFAOrgURL", "key-AllowedFactors": "AllowedFactors", "mdm": "no MDM that is known"} {
		a := b.post("/profiles/new", wanted("jamf", field, "ftp:<b>x")).is(200).has(want)
		if kept := `value="it@acme.example"`; !strings.Contains(a.body, kept) || strings.Contains(a.body, "hunter2") || strings.Contains(a.body, "<b>x") {
			t.Errorf("%s: the page has no %s, or the secret, or markup that was typed:\n%s", field, kept, a.body)
		}
	}
	if n := len(s.Events("device.desktop_mfa.configuration.update")); n != 0 {
		t.Errorf("%d events", n)
	}
}

// TestAProfileIsLookedThrough: the published Intune sample is broken on line 14,
// and a good one is explained.
func TestAProfileIsLookedThrough(t *testing.T) {
	s := newSite(t)
	b := s.admin("pat@example.com", access.ReadOnlyAdmin)
	sample := func(name string) string {
		raw, err := os.ReadFile("../../../testdata/profiles/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	b.upload("/profiles/check", sample("intune-malformed.mobileconfig")).is(200).has("14:9", "a reader notices on line")
	b.upload("/profiles/check", sample("kandji.mobileconfig")).is(200).has("What users will experience", "YOUR_CLIENT_ID")
	b.upload("/profiles/check", "<script>alert(1)</script>").is(200).hasNot("<script>alert")
	b.upload("/profiles/check", strings.Repeat("x", 200<<10)).is(400)
	b.upload("/profiles/check", "").is(200).has("Choose a file first")
}

// TestAMacIsHeldAgainstTheIntendedPolicy, which a super admin saves.
func TestAMacIsHeldAgainstTheIntendedPolicy(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	m.in.Seq++
	m.in.Policy.Effective = json.RawMessage(`{"DeviceRecoveryPINDuration":{"value":60,"origin":"default"},"AdminEmail":{"value":"<b>it@acme.example</b>","origin":"forced"}}`)
	s.CheckIn(&m.id, m.in)
	org := s.admin("sam@example.com", access.OrgAdmin)
	org.get(m.path("")).hasNot("intended")
	org.post("/profiles/new", wanted("jamf", "intend", "on")).is(403)
	root := s.admin("pat@example.com", access.SuperAdmin)
	root.post("/profiles/new", wanted("jamf", "intend", "on", "key-DeviceRecoveryPINDuration", "30")).is(200)
	if a := org.get("/profiles").has("by pat@example.com"); !strings.Contains(a.body, `value="it@acme.example"`) {
		t.Errorf("the intended value is not in its field:\n%s", a.body)
	}
	if a := org.get(m.path("")).has("differs from the", "not reported"); !strings.Contains(a.body, "<td>60</td><td>30</td>") || strings.Contains(a.body, "<b>it@acme") {
		t.Errorf("the page of the Mac:\n%s", a.body)
	}
	if e := s.Events("device.desktop_mfa.configuration.update"); len(e) != 1 || !strings.Contains(e[0].Detail["DeviceRecoveryPINDuration"], "-> 30") || strings.Contains(strings.Join(values(e[0].Detail), " "), "hunter2") {
		t.Errorf("events %+v", e)
	}
	org.post("/profiles/intended/forget", nil).is(403)
	root.post("/profiles/intended/forget", nil).to("/profiles")
	org.get(m.path("")).hasNot("differs from the")
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
