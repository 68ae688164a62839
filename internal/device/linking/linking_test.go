package linking_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

func TestGrounds(t *testing.T) {
	tests := []struct {
		why   string
		claim linking.Claim
		want  linking.Grounds
	}{
		{"the local part is the short name", linking.Claim{Name: "ada", Login: "ada@acme.example"}, linking.ByName},
		{"orgs do not tell capitals apart", linking.Claim{Name: "ada", Login: "Ada@acme.example"}, linking.ByName},
		{"a login without a domain", linking.Claim{Name: "ada", Login: "ada"}, linking.ByName},
		{"another's login", linking.Claim{Name: "ada", Login: "mallory@acme.example"}, ""},
		{"a longer name that begins alike", linking.Claim{Name: "ada", Login: "ada.mallory@acme.example"}, ""},
		{"the name in the domain", linking.Claim{Name: "ada", Login: "mallory@ada"}, ""},
		{"the name behind a second @", linking.Claim{Name: "ada", Login: "mallory@x@ada"}, ""},
		{"a letter that folds to an ASCII one", linking.Claim{Name: "kim", Login: "\u212aim@acme.example"}, ""},
		{"a letter that looks like one", linking.Claim{Name: "ada", Login: "\u0430da@acme.example"}, ""},
		{"an empty local part", linking.Claim{Name: "", Login: "@acme.example"}, ""},
		{"no login", linking.Claim{Name: "", PIN: true}, ""},
		{"an administrator named the user", linking.Claim{Name: "ada", Login: "lovelace@acme.example", Prelink: "Lovelace@acme.example"}, linking.ByAdmin},
		{"an administrator named another, and the name would do", linking.Claim{Name: "ada", Login: "ada@acme.example", Prelink: "lovelace@acme.example"}, ""},
		{"the profile names the user", linking.Claim{Name: "admin", Login: "ada@acme.example", Assigned: "ada@acme.example"}, linking.ByProfile},
		{"the profile names another, and the name does", linking.Claim{Name: "ada", Login: "ada@acme.example", Assigned: "kim@acme.example"}, linking.ByName},
		{"the short form of a name that is named whole", linking.Claim{Name: "x", Login: "ada", Assigned: "ada@acme.example"}, ""},
		{"a recovery PIN was shown", linking.Claim{Name: "ada", Login: "lovelace@acme.example", PIN: true}, linking.ByPIN},
		{"a recovery PIN, whomever an administrator named", linking.Claim{Name: "ada", Login: "x@acme.example", Prelink: "y@acme.example", PIN: true}, linking.ByPIN},
	}
	for _, tt := range tests {
		got, err := tt.claim.Grounds()
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && !errors.Is(err, linking.ErrNotTheirs) {
			t.Errorf("%s: %q, %v; want %q", tt.why, got, err, tt.want)
		}
	}
}

// TestNobodyLinksAStranger: without a PIN and without an administrator's word,
// nothing but the account's own name opens the way.
func TestNobodyLinksAStranger(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9._-]{0,8}`).Draw(rt, "name")
		login := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9._@-]{0,16}`)).Draw(rt, "login")
		if _, err := (linking.Claim{Name: name, Login: login}).Grounds(); err != nil {
			return
		}
		local := strings.SplitN(login, "@", 2)[0]
		if len(local) != len(name) || !strings.EqualFold(local, name) {
			rt.Fatalf("%q links to %q", name, login)
		}
	})
}

type mac struct {
	t       *testing.T
	clock   *clocktest.Clock
	records *storetest.Store
	journal *events.Journal
	*linking.Links
}

func newMac(t *testing.T) *mac {
	m := &mac{t: t, clock: clocktest.New(), records: storetest.New(t)}
	keeper, err := trustedtime.Open(m.clock, m.records)
	if err == nil {
		m.journal, err = events.Open(m.records, keeper)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Links = linking.New(m.records, m.journal, keeper)
	return m
}

func (m *mac) links(guid, login, subject string) error {
	return m.Put(guid, login, subject, "OV_Push", linking.ByName)
}

func (m *mac) told() (out []string) {
	m.t.Helper()
	list, err := m.journal.Pending(100)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, strings.TrimPrefix(e.Type, "device.desktop_mfa.account.")+" "+e.Detail["login"]+" "+e.Detail["reason"])
	}
	return out
}

func TestOneOrgUserForOneAccount(t *testing.T) {
	m := newMac(t)
	if err := m.links("ada-guid", "ada@acme.example", "00u1"); err != nil {
		t.Fatal(err)
	}
	for why, try := range map[string][2]string{
		"the same user":                       {"ada@acme.example", "00u1"},
		"the same user, renamed":              {"lovelace@acme.example", "00u1"},
		"the same name in other letters":      {"ADA@acme.example", "00u2"},
		"before the org has said who that is": {"Ada@acme.example", ""},
	} {
		if err := m.Free("bob-guid", try[0], try[1]); !errors.Is(err, linking.ErrTaken) {
			t.Errorf("%s: Free says %v", why, err)
		}
		if err := m.links("bob-guid", try[0], try[1]); !errors.Is(err, linking.ErrTaken) {
			t.Errorf("%s: Put says %v", why, err)
		}
	}
	if _, linked, err := m.Of("bob-guid"); linked || err != nil {
		t.Error("a refused link was kept:", err)
	}
	if err := m.links("ada-guid", "ada@acme.example", "00u1"); err != nil {
		t.Error("the account itself may be linked anew:", err)
	}
	if err := m.links("bob-guid", "bob@acme.example", "00u3"); err != nil {
		t.Error(err)
	}
}

func TestALinkIsAnEventAndSurvives(t *testing.T) {
	m := newMac(t)
	if err := m.links("ada-guid", "ada@acme.example", "00u1"); err != nil {
		t.Fatal(err)
	}
	m.clock.Run(time.Hour)
	if err := m.Reject("ada-guid", "", "not_theirs"); err != nil {
		t.Fatal(err)
	}
	link, linked, err := m.Of("ada-guid")
	if !linked || err != nil || link.Login != "ada@acme.example" || link.Subject != "00u1" {
		t.Fatalf("%+v %v %v", link, linked, err)
	}
	for range 2 { // the second has nothing left to remove, and nothing to tell
		if _, err := m.Remove("ada-guid", "reset"); err != nil {
			t.Fatal(err)
		}
	}
	want := "link ada@acme.example |link.reject  not_theirs|unlink ada@acme.example reset"
	if got := strings.Join(m.told(), "|"); got != want {
		t.Errorf("events %q\nwant   %q", got, want)
	}
	if _, linked, _ := m.Of("ada-guid"); linked {
		t.Error("still linked")
	}
}

func TestAPrelinkIsTheServersLastWord(t *testing.T) {
	m := newMac(t)
	for _, said := range []string{"ada@acme.example", "lovelace@acme.example", ""} {
		if err := m.SetPrelink("ada-guid", said); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Prelink("ada-guid"); got != said || err != nil {
			t.Errorf("%q, %v; want %q", got, err, said)
		}
	}
	if got, _ := m.Prelink("bob-guid"); got != "" {
		t.Errorf("another account's: %q", got)
	}
}

func TestAWriteThatFailsLinksNobody(t *testing.T) {
	m := newMac(t)
	m.records.Fail = errors.New("no space left")
	if err := m.links("ada-guid", "ada@acme.example", "00u1"); err == nil {
		t.Error("no error")
	}
	m.records.Fail = nil
	if _, linked, _ := m.Of("ada-guid"); linked {
		t.Error("linked")
	}
}
