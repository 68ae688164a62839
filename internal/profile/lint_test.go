package profile

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// TestSharedBetweenFiles: the published Kandji and Intune profiles have the same
// UUIDs, so that one would take the other's place.
func TestSharedBetweenFiles(t *testing.T) {
	var l Linter
	shared := 0
	for _, name := range []string{"kandji.mobileconfig", "intune-malformed.mobileconfig"} {
		r, err := l.Lint(File{Name: name, Data: sample(t, name)})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if f.Rule == "uuid-shared" {
				shared++
				if name != "intune-malformed.mobileconfig" || !strings.Contains(f.Problem, "of kandji.mobileconfig, line ") {
					t.Errorf("%s", f)
				}
			}
		}
	}
	if shared != 2 {
		t.Errorf("%d shared UUIDs, of the profile and of its payload", shared)
	}
}

// TestEveryDoubtOfThePolicyIsAFinding: what internal/policy warns of, lint says
// as well, in its own words or in the policy's.
func TestEveryDoubtOfThePolicyIsAFinding(t *testing.T) {
	for _, name := range faultFiles(t) {
		f, r := lintFile(t, name)
		p, _, err := read(f.Data)
		if err != nil || p == nil {
			continue
		}
		for _, place := range p.places {
			_, problems := policy.FromDocument(plist.Document{Format: p.Format, Root: place.dict})
			for _, problem := range problems {
				if problem.Value == "a nothing" {
					continue // of which the reader has told
				}
				if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
					return f.Key == problem.Key || strings.HasPrefix(f.Rule, "xml-") || f.Rule == "nobody-governed"
				}) {
					t.Errorf("%s: nothing says that %s", name, problem)
				}
			}
		}
	}
}

// TestGitHubAnnotation: nothing in a name or a message ends the annotation.
func TestGitHubAnnotation(t *testing.T) {
	f := Finding{File: "a,b:c\n", Line: 3, Column: 4, Severity: policy.Warning, Rule: "x", Problem: "100%\nmore"}
	if got := f.GitHub(); got != "::warning file=a%2Cb%3Ac%0A,line=3,col=4,title=x::100%25%0Amore" {
		t.Error(got)
	}
}

// TestExplainSaysWhatHappens: the sentences that people decide by.
func TestExplainSaysWhatHappens(t *testing.T) {
	now := time.Date(2026, 1, 31, 23, 30, 0, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		set   map[string]string
		topic string
		want  string
	}{
		"everyone":       {nil, "who", "Every account needs a second factor after the password."},
		"some":           {map[string]string{"MFARequiredList": "ada,bob"}, "who", "Only ada and bob need"},
		"some but":       {map[string]string{"MFARequiredList": "ada,bob", "MFANotRequiredList": "bob"}, "who", "but for bob"},
		"nobody":         {map[string]string{"MFANotRequiredList": "*"}, "who", "Nobody needs a second factor"},
		"observe":        {map[string]string{"LatchkeyEnforcement": "observe"}, "observe", "nobody is kept out"},
		"no grace":       {map[string]string{"LoginPeriodWithoutEnrolledFactor": "0"}, "grace", "at the first login."},
		"grace":          {nil, "grace", "by 2026-02-02 22:30 UTC"},
		"order":          {map[string]string{"AllowedFactors": "Offline_TOTP,OV_Push"}, "factors", "a device access code (Offline_TOTP); a push"},
		"offline":        {map[string]string{"LoginPeriodWithOfflineFactor": "24"}, "offline", "for 24 hours after the last online sign-in: for one of now, until 2026-02-01 22:30 UTC"},
		"never offline":  {map[string]string{"OfflineLoginAllowed": "false"}, "offline", "nobody gets in with a factor"},
		"PIN":            {map[string]string{"DeviceRecoveryPINDuration": "90"}, "recovery", "for 90 minutes: for one that is first used now, until 2026-02-01 00:00 UTC"},
		"validity":       {nil, "validity", "for 30 days"},
		"nobody to ask":  {nil, "contact", "nobody to ask"},
		"both":           {map[string]string{"AdminEmail": "a@b", "AdminPhone": "1"}, "contact", "a@b and 1."},
		"failing open":   {map[string]string{"LatchkeyUnavailablePolicy": "allow"}, "unavailable", "the password alone is enough"},
		"failing closed": {nil, "unavailable", "nobody who needs a second factor gets in"},
	} {
		s := Settings{}
		s.SetSecret("not-a-real-one")
		for key, v := range map[string]string{"DMFAOrgURL": "https://acme.example.com", "DMFAClientID": "a"} {
			if err := s.Set(key, v); err != nil {
				t.Fatal(err)
			}
		}
		for key, v := range c.set {
			if err := s.Set(key, v); err != nil {
				t.Fatal(err)
			}
		}
		made, err := New(Request{For: JamfPro, Settings: s})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Read(made)
		if err != nil {
			t.Fatal(err)
		}
		rules, _ := p.Policy()
		e := Explain(rules, now)
		i := slices.IndexFunc(e.Sentences, func(s Sentence) bool { return s.Topic == c.topic })
		if i < 0 || !strings.Contains(e.Sentences[i].Text, c.want) {
			t.Errorf("%s: %+v", name, e.Sentences)
		}
	}
}

// TestOpenSSLReadsOurSignature: the reference implementation finds the same
// profile in what was signed here, and the signature right.
func TestOpenSSLReadsOurSignature(t *testing.T) {
	openssl := tool(t, "openssl", "openssl")
	plain, err := os.ReadFile("testdata/good/profile.mobileconfig")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range signers(t) {
		made, err := Sign(plain, chainOf(t, key), key)
		if err != nil {
			t.Fatal(err)
		}
		file := t.TempDir() + "/signed.mobileconfig"
		if err := os.WriteFile(file, made, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := output(t, openssl, "cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", file); string(got) != string(plain) {
			t.Errorf("%s: openssl reads %q", name, got)
		}
	}
}
