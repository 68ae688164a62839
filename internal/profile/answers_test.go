package profile

import (
	"bytes"
	"strings"
	"testing"
)

// TestAnswersThatAreRefused: each with the line that a person has to look at.
func TestAnswersThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "says nothing",
		"- a":                                   "line 1: keys with values are expected",
		"mdm: jamf\nmdm: kandji":                `line 2: "mdm" stands twice`,
		"mdm: jamf\nnmae: a":                    "did you mean name?",
		"mdm: airwatch":                         "line 1: \"airwatch\" is no MDM",
		"name: [a]":                             "line 1: name is no text",
		"settings:\n  OfflineLoginAllowed: yes": `line 2: OfflineLoginAllowed is not "yes": allowed: true or false`,
		"settings:\n  LoginPeriodWithOfflineFactor: a day": "hours",
		"settings:\n  AdminEmail:\n":                       "has no value",
		"settings:\n  MFARequiredList: [[a]]":              "what is no name",
		"settings:\n  AdminEmail: &x a\n  AdminPhone: *x":  "has no value that it can have",
		"settings:\n  DMFAClientSecret: not-a-real-one":    "not taken here",
		"settings:\n  AdminEmail: a\n  AdminEmail: b":      "stands twice",
		"mdm: \"\x01":                                             "read the YAML file",
		"name: " + strings.Repeat("a", maxYAML):                   "larger than",
		"settings:\n  MFARequiredLsit: [a]":                       "did you mean MFARequiredList?",
		"settings:\n  LoginPeriodWithoutEnrolledFactor: [1, 2]\n": "has no value that it can have",
	} {
		_, err := ReadAnswers([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "not-a-real-one") {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestEditsThatMeet: of two answers for one place only the first is given in one
// round, so that none cuts the other in two.
func TestEditsThatMeet(t *testing.T) {
	one, two, far := Finding{}.mend(edit{2, 5, "X"}), Finding{}.mend(edit{4, 6, "Y"}), Finding{}.mend(edit{8, 8, "Z"})
	data, done := apply([]byte("0123456789"), []Finding{one, two, far})
	if string(data) != "01X567Z89" || len(done) != 2 {
		t.Errorf("%s, %d", data, len(done))
	}
	if data, done := apply([]byte("01"), []Finding{far}); string(data) != "01" || len(done) != 0 {
		t.Errorf("an edit behind the end: %s", data)
	}
}

// TestDepthOfASignature: the library goes in as deep as a message says.
func TestDepthOfASignature(t *testing.T) {
	nested := func(depth int) []byte {
		out := []byte{0x04, 0x00}
		for range depth {
			out = append([]byte{0x30, byte(len(out))}, out...)
		}
		return out
	}
	if !bounded(nested(berDepth-2)) || bounded(nested(berDepth+2)) {
		t.Error("the depth is not bounded as said")
	}
	if wide := append([]byte{0x30, 0x82, 0x40, 0x00}, bytes.Repeat([]byte{0x04, 0x00}, 0x2000)...); bounded(wide) {
		t.Error("the number of objects is not bounded")
	}
}

// TestSCEPShapes: each kind has what it needs, and nothing of the others.
func TestSCEPShapes(t *testing.T) {
	base := SCEP{URL: "https://latchkey.example.com/scep", CommonName: "$SERIAL_NUMBER"}
	for name, c := range map[string]struct {
		change func(*SCEP)
		want   string // of the challenge, or of the error
	}{
		"static":              {func(s *SCEP) { s.Kind, s.Challenge = Static, "c\n" }, "c"},
		"static without":      {func(s *SCEP) { s.Kind = Static }, "needs the challenge"},
		"dynamic":             {func(s *SCEP) { s.Kind, s.Variable = Dynamic, "$C" }, "$C"},
		"dynamic without":     {func(s *SCEP) { s.Kind = Dynamic }, "needs the variable"},
		"delegated":           {func(s *SCEP) { s.Kind = Delegated }, ""},
		"no kind":             {func(s *SCEP) { s.Kind = "other" }, "is no kind"},
		"no address":          {func(s *SCEP) { s.Kind, s.URL = Delegated, "latchkey" }, "the address"},
		"no name":             {func(s *SCEP) { s.Kind, s.CommonName = Delegated, " " }, "a common name"},
		"no real fingerprint": {func(s *SCEP) { s.Kind, s.Fingerprint = Delegated, "xy" }, "no hexadecimal digest"},
	} {
		s := base
		c.change(&s)
		made, err := New(Request{For: AnyMDM, OnlyCompanions: true, SCEP: &s})
		if err != nil {
			if c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		p, err := Read(made)
		if err != nil {
			t.Fatal(err)
		}
		content, _ := p.payloads()[0].Get("PayloadContent")
		if got := stringOf(content.Value, "Challenge"); got != c.want {
			t.Errorf("%s: the challenge is %q, want %q", name, got, c.want)
		}
		r, err := new(Linter).Lint(File{Name: "a", Data: made})
		if err != nil || len(r.Findings) != 1 || r.Findings[0].Rule != "no-settings" {
			t.Errorf("%s: %v, %v", name, r.Findings, err)
		}
	}
}
