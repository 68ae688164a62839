package offlinekey

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

var ada = factor.Account{GUID: "guid-ada", Name: "ada", FullName: "Ada Example"}

// mac is a Mac with ports, and one person at it.
type mac struct {
	t       *testing.T
	dir     string
	org     string
	clock   *clocktest.Clock
	records *storetest.Memory
	journal *events.Journal
	pins    []string // typed in turn
	notes   []string
	*OfflineKey
}

func newMac(t *testing.T) *mac {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &mac{t: t, dir: dir, org: "acme.example", clock: clocktest.New(), records: storetest.With(map[string][]byte{})}
	keeper, err := trustedtime.Open(m.clock, m.records)
	m.ok(err)
	m.journal, err = events.Open(m.records, keeper)
	m.ok(err)
	keys := &securitykey.Keys{Ports: hid.Folder(dir), Report: func(string, error) {}}
	m.OfflineKey = &OfflineKey{Records: m.records, Journal: m.journal, Time: keeper, Keys: keys, Org: func() string { return m.org }}
	return m
}

func (m *mac) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mac) plugs(name string, o softkey.Options) *softkey.Key {
	m.t.Helper()
	k, err := softkey.Plug(m.dir, name, o)
	m.ok(err)
	m.t.Cleanup(func() { _ = k.Close() })
	return k
}

var errGone = errors.New("the person has gone")

// ask types the PIN where one is asked for, and gives up where a key did not do.
func (m *mac) ask(ctx context.Context, s wire.Screen) (wire.Act, error) {
	if s.Note != nil {
		m.notes = append(m.notes, s.Note.Text)
	}
	switch {
	case len(s.Actions) == 0:
		return wire.Act{}, ctx.Err()
	case len(s.Fields) == 0 || len(m.pins) == 0:
		return wire.Act{}, errGone
	}
	pin := m.pins[0]
	m.pins = m.pins[1:]
	return wire.Act{Action: wire.ActionSubmit, Values: map[string]string{"pin": pin}}, nil
}

func (m *mac) enrols(pins ...string) {
	m.t.Helper()
	m.pins = pins
	outcome, err := m.Enrol(m.t.Context(), ada, m.ask)
	if err != nil || outcome.Result != factor.Enrolled {
		m.t.Fatalf("%+v, %v; %q", outcome, err, m.notes)
	}
	m.clock.Run(time.Minute)
}

// gets in, or not, and then with those words.
func (m *mac) gets(in bool, words string, pins ...string) {
	m.t.Helper()
	m.pins, m.notes = pins, nil
	outcome, err := m.Run(m.t.Context(), ada, m.ask)
	if said := strings.Join(append(m.notes, outcome.Note), " "); (outcome.Result == factor.Verified) != in || !strings.Contains(said, words) || err != nil && !errors.Is(err, errGone) {
		m.t.Fatalf("%+v, %v, %q; want %v with %q", outcome, err, said, in, words)
	}
}

// told are the events, less what all begin with.
func (m *mac) told() (out []string) {
	m.t.Helper()
	list, err := m.journal.Pending(100)
	m.ok(err)
	for _, e := range list {
		out = append(out, strings.TrimSpace(strings.TrimPrefix(e.Type, "device.desktop_mfa.")+" "+e.Detail["reason"]))
	}
	return out
}

func TestAKeyIsSetUpAndUsedWithoutANetwork(t *testing.T) {
	for name, o := range map[string]softkey.Options{
		"a touch alone": {}, "a PIN": {PIN: "123456"}, "a finger": {Fingerprint: true}, "a key without a counter": {CountsNothing: true},
		"CTAP 2.0": {Versions: []string{"FIDO_2_0"}, NoPermissions: true, Protocols: []int{1}, PIN: "123456"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMac(t)
			if enrolled, _ := m.Ready(t.Context(), ada); enrolled {
				t.Fatal("enrolled before anything was")
			}
			m.plugs("a", o)
			m.enrols(o.PIN)
			for range 3 {
				m.gets(true, "", o.PIN)
			}
			if enrolled, why := m.Ready(t.Context(), ada); !enrolled || why != "" {
				t.Errorf("%v, %q", enrolled, why)
			}
			if got := m.told(); !slices.Equal(got, []string{"enrollment.create"}) {
				t.Errorf("events %q", got)
			}
		})
	}
}

func TestAnotherKeyGetsNobodyIn(t *testing.T) {
	m := newMac(t)
	k := m.plugs("mine", softkey.Options{})
	m.enrols()
	m.ok(k.Pull())
	other := m.plugs("other", softkey.Options{})
	m.gets(false, "not set up for you")
	m.ok(other.Pull())
	m.ok(k.PutIn())
	m.gets(true, "")
	if got := m.told(); !slices.Equal(got, []string{"enrollment.create", "factor.reject key_not_theirs"}) {
		t.Errorf("events %q", got)
	}
}

// TestACopyClosesTheKey: two of one key go on counting by themselves, and the
// one that comes second falls behind. Then neither is taken.
func TestACopyClosesTheKey(t *testing.T) {
	m := newMac(t)
	k := m.plugs("a", softkey.Options{})
	m.enrols()
	m.ok(k.Pull())
	copied, err := k.Clone(m.dir, "copy")
	m.ok(err)
	t.Cleanup(func() { _ = copied.Close() })
	m.gets(true, "")
	m.gets(true, "")
	m.ok(copied.Pull())
	m.ok(k.PutIn())
	m.gets(false, "a copy of this key")
	m.gets(false, "a copy of this key") // what is closed is asked for no more
	if enrolled, why := m.Ready(t.Context(), ada); !enrolled || why != textCloned {
		t.Errorf("%v, %q", enrolled, why)
	}
	if got := m.told(); !slices.Equal(got, []string{"enrollment.create", "factor.lock key_cloned", "factor.reject key_cloned"}) {
		t.Errorf("events %q", got)
	}
	m.enrols() // anew
	m.gets(true, "")
}

func TestWhatIsSignedHasToBeRight(t *testing.T) {
	for fault, want := range map[softkey.Fault]string{
		softkey.WrongRP: "key_of_another_site", softkey.WrongSignature: "key_signature", softkey.NoTouchFlag: "key_not_present", softkey.Garbage: "key_nonsense",
	} {
		m := newMac(t)
		k := m.plugs("a", softkey.Options{})
		m.enrols()
		k.Break(fault)
		m.gets(false, "key")
		if got := m.told(); !slices.Equal(got, []string{"enrollment.create", "factor.reject " + want}) {
			t.Errorf("events %q", got)
		}
		k.Break(softkey.None)
		m.gets(true, "")
	}
}

// TestAVerifiedKeyStaysOne: whoever finds a key that was set up with a PIN is
// not let in by a touch, also where the key could be brought to ask for none.
func TestAVerifiedKeyStaysOne(t *testing.T) {
	m := newMac(t)
	m.plugs("a", softkey.Options{PIN: "123456"})
	m.enrols("123456")
	rec, err := m.load(ada.GUID)
	m.ok(err)
	if !rec.Keys[0].Verified {
		t.Fatal("it was not verified")
	}
	m.Keys = careless{m.Keys}
	m.gets(false, "asks for none now")
}

// careless has keys sign without verifying their person.
type careless struct{ Keys }

func (c careless) Run(ctx context.Context, ask factor.Ask, use securitykey.Use) error {
	use.Verify = securitykey.Discouraged
	return c.Keys.Run(ctx, ask, use)
}

func TestOneKeyIsNotSetUpTwice(t *testing.T) {
	m := newMac(t)
	m.plugs("a", softkey.Options{})
	m.enrols()
	if outcome, err := m.Enrol(t.Context(), ada, m.ask); !errors.Is(err, errGone) || outcome.Result != factor.Declined || !strings.Contains(strings.Join(m.notes, " "), "set up for you already") {
		t.Errorf("%+v, %v, %q", outcome, err, m.notes)
	}
	if got := m.told(); !slices.Equal(got, []string{"enrollment.create", "factor.reject key_set_up_already"}) {
		t.Errorf("events %q", got)
	}
	other := factor.Account{GUID: "guid-kim", Name: "kim"} // one key, two people of one desk
	if outcome, err := m.Enrol(t.Context(), other, m.ask); err != nil || outcome.Result != factor.Enrolled {
		t.Errorf("%+v, %v", outcome, err)
	}
	m.gets(true, "")
}

func TestThereIsAnEndToKeys(t *testing.T) {
	m := newMac(t)
	for range maxKeys {
		k := m.plugs("a", softkey.Options{})
		m.enrols()
		m.ok(k.Pull())
	}
	if have, room := m.Count(ada); have != maxKeys || room {
		t.Errorf("%d, %v", have, room)
	}
	if outcome, err := m.Enrol(t.Context(), ada, nil); err != nil || outcome.Result != factor.Declined || outcome.Note != textFull {
		t.Errorf("%+v, %v", outcome, err)
	}
	if n, err := m.RemoveOlder(ada.GUID, "replaced"); n != maxKeys-1 || err != nil {
		t.Error(n, err)
	}
	list, err := m.List(ada.GUID)
	m.ok(err)
	if n, err := m.Remove("guid-kim", list[0].ID, "removed_on_device"); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := m.RemoveUpTo(ada.GUID, list[0].At.Add(-time.Second), "reset"); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := m.Remove(ada.GUID, list[0].ID, "removed_on_device"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if enrolled, _ := m.Ready(t.Context(), ada); enrolled {
		t.Error("still enrolled")
	}
}

func TestAKeyIsForItsOrgAlone(t *testing.T) {
	m := newMac(t)
	m.plugs("a", softkey.Options{})
	m.enrols()
	m.org = "other.example"
	if enrolled, why := m.Ready(t.Context(), ada); !enrolled || why != textAnotherOrg {
		t.Errorf("%v, %q", enrolled, why)
	}
	m.gets(false, "another organization")
	m.org = "acme.example"
	m.gets(true, "")
}

// TestAWriteThatFailsLetsNobodyIn: the counter is kept before anybody gets in by
// it, and no key is blamed.
func TestAWriteThatFailsLetsNobodyIn(t *testing.T) {
	m := newMac(t)
	m.plugs("a", softkey.Options{})
	m.enrols()
	failing := &full{Memory: m.records}
	m.Records = failing
	if outcome, err := m.Run(t.Context(), ada, m.ask); !errors.Is(err, syscall.ENOSPC) || outcome.Result == factor.Verified {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if outcome, err := m.Enrol(t.Context(), factor.Account{GUID: "guid-kim"}, m.ask); !errors.Is(err, syscall.ENOSPC) || outcome.Result == factor.Enrolled {
		t.Fatalf("%+v, %v", outcome, err)
	}
	m.Records = m.records
	m.gets(true, "")
	if got := m.told(); !slices.Equal(got, []string{"enrollment.create"}) {
		t.Errorf("events %q", got)
	}
}

// full is a store on a disk that is.
type full struct{ *storetest.Memory }

func (full) Write(map[string][]byte) error { return syscall.ENOSPC }

func TestTakeWantsTheKeyOfTheRecord(t *testing.T) {
	m := newMac(t)
	if err := m.take(ada.GUID, ctap.Assertion{CredentialID: []byte("nobody's")}, nil); !errors.Is(err, ctap.ErrNoCredential) {
		t.Error(err)
	}
}

// saysDone is a bug: it has no key sign anything.
type saysDone struct{}

func (saysDone) Run(context.Context, factor.Ask, securitykey.Use) error { return nil }

func TestNothingSignedIsNothingShown(t *testing.T) {
	m := newMac(t)
	m.plugs("a", softkey.Options{})
	m.enrols()
	m.Keys = saysDone{}
	if outcome, err := m.Run(t.Context(), ada, m.ask); outcome.Result != factor.Declined {
		t.Errorf("%+v, %v", outcome, err)
	}
	if outcome, err := m.Enrol(t.Context(), ada, m.ask); outcome.Result != factor.Declined {
		t.Errorf("%+v, %v", outcome, err)
	}
}
