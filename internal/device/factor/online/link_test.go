package online_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// TestLinking: who may be linked to whom. Where nobody is, the org is not even
// asked unless what was typed would have done.
func TestLinking(t *testing.T) {
	mallory := directauth.Claims{Subject: "00u9", PreferredUsername: "mallory@acme.example"}
	for _, tt := range []struct {
		why    string
		set    func(*mac)
		types  string
		who    directauth.Claims
		pin    bool
		linked string // the login, or "" for nobody
		event  string
		asked  int
	}{
		{"the account's own name", nil, "ada@acme.example", herself, false, "ada@acme.example", "", 1},
		{"its short form: the org says the whole", nil, "ada", herself, false, "ada@acme.example", "", 1},
		{"somebody else's", nil, "mallory@acme.example", mallory, false, "", "not_theirs ", 0},
		{"the org verifies another than was typed", nil, "ada@acme.example", mallory, false, "", "not_theirs mallory@acme.example", 1},
		{"the org does not say whom", nil, "ada@acme.example", directauth.Claims{Subject: "00u1"}, false, "", "not_theirs ", 1},
		{"another whom an administrator has named", func(m *mac) { _ = m.links.SetPrelink(ada.GUID, "mallory@acme.example") }, "mallory", mallory, false, "mallory@acme.example", "", 1},
		{"the own name, where an administrator has named another", func(m *mac) { _ = m.links.SetPrelink(ada.GUID, "mallory@acme.example") }, "ada@acme.example", herself, false, "", "not_theirs ", 0},
		{"the profile's user", func(m *mac) { m.assigned = "mallory@acme.example" }, "mallory@acme.example", mallory, false, "mallory@acme.example", "", 1},
		{"anybody, with a recovery PIN", nil, "mallory@acme.example", mallory, true, "mallory@acme.example", "", 1},
		{"who has another account here", func(m *mac) {
			_ = m.links.Put("guid-bob", "ada@acme.example", "00u1", online.KindPush, linking.ByAdmin)
		}, "ada@acme.example", herself, false, "", "taken ", 0},
		{"who has another account here under an older name", func(m *mac) {
			_ = m.links.Put("guid-bob", "lovelace@acme.example", "00u1", online.KindPush, linking.ByAdmin)
		}, "ada@acme.example", herself, true, "", "taken ada@acme.example", 1},
		{"nothing typed", nil, " ", herself, true, "", "", 0},
		{"a control character", nil, "ada\x00", herself, true, "", "", 0},
	} {
		for _, kind := range []string{online.KindPush, online.KindCode} {
			m := newMac(t)
			m.kind = kind
			if tt.set != nil {
				tt.set(m)
			}
			m.org.answers = []answer{{who: tt.who}}
			m.does = []wire.Act{types("login", tt.types), types("code", "123456")}
			if tt.asked == 0 || kind == online.KindPush {
				m.does = m.does[:1]
			}
			outcome, err := m.Linker().Link(t.Context(), ada, tt.pin, m.ask)
			link, linked, _ := m.links.Of(ada.GUID)
			if link.Login != tt.linked || linked != (tt.linked != "") || (outcome.Result == factor.Linked) != linked {
				t.Errorf("%s (%s): linked to %+v; %+v, %v", tt.why, kind, link, outcome, err)
			}
			if linked && (outcome.Shown != kind || !strings.Contains(outcome.Note, tt.linked)) {
				t.Errorf("%s: %+v", tt.why, outcome)
			}
			if !linked && m.note(outcome) == "" {
				t.Errorf("%s: the person is told nothing", tt.why)
			}
			want := []string(nil)
			if tt.event != "" {
				want = []string{"account.link.reject  " + tt.event}
			}
			if got := m.refusals(); !slices.Equal(got, want) {
				t.Errorf("%s: events %q, want %q", tt.why, got, want)
			}
			if len(m.org.users) != tt.asked {
				t.Errorf("%s: the org was asked about %q", tt.why, m.org.users)
			}
		}
	}
}

func TestAKnownLoginStandsThereAlready(t *testing.T) {
	long := strings.Repeat("a", 60) + "@acme.example"
	for known, want := range map[string]string{"": "", "ada@acme.example": "ada@acme.example", long: ""} {
		m := newMac(t)
		m.assigned = known
		_, _ = m.Linker().Link(t.Context(), ada, false, m.ask)
		if got := m.last().Fields[0].Value; got != want {
			t.Errorf("%q is shown for %q", got, known)
		}
	}
}

func TestARefusedPushIsAskedForAnewWithAnotherName(t *testing.T) {
	m := newMac(t)
	m.org.answers = []answer{{err: directauth.ErrNotEnrolled}, {who: herself}}
	m.does = []wire.Act{types("login", "ada@acme.example"), types("login", "ada@acme.example")}
	o, err := m.Linker().Link(t.Context(), ada, false, m.ask)
	if err != nil || o.Result != factor.Linked {
		t.Errorf("%+v, %v", o, err)
	}
}
