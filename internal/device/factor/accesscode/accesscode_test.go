package accesscode

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

var ada = factor.Account{GUID: "11111111-1111-1111-1111-111111111111", Name: "ada"}

// mac is a device with one enrolled phone.
type mac struct {
	t       *testing.T
	clock   *clocktest.Clock
	records *storetest.Store
	keeper  *trustedtime.Keeper
	journal *events.Journal
	phone   totp.Key
	*AccessCode
}

func newMac(t *testing.T) *mac {
	m := &mac{t: t, clock: clocktest.New(), records: storetest.New(t)}
	m.restart()
	return m
}

func (m *mac) restart() {
	m.t.Helper()
	var err error
	if m.keeper, err = trustedtime.Open(m.clock, m.records); err == nil {
		m.journal, err = events.Open(m.records, m.keeper)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.AccessCode = New(m.records, m.journal, m.keeper, func() string { return "Ada's Mac" }, func() string { return "acme.example" })
	if err := m.EnterBoot(); err != nil {
		m.t.Fatal(err)
	}
}

// enrolPhone plays a person who scans the QR code, mistypes the first code and
// types it right.
func (m *mac) enrolPhone() {
	m.t.Helper()
	asked := 0
	outcome, err := m.Enrol(context.Background(), ada, func(_ context.Context, s wire.Screen) (wire.Act, error) {
		asked++
		m.phone = keyOf(m.t, s)
		typed := m.phone.Code(totp.Step(m.clock.Wall()))
		if asked == 1 {
			typed = other(typed)
		}
		return wire.Act{Values: map[string]string{"code": typed}}, nil
	})
	if err != nil || outcome.Result != factor.Enrolled || asked != 2 {
		m.t.Fatalf("enrol: %+v, %v, asked %d times", outcome, err, asked)
	}
}

// keyOf scans the screen's QR code.
func keyOf(t *testing.T, s wire.Screen) totp.Key {
	t.Helper()
	_, rest, ok := strings.Cut(s.QR, "secret=")
	if !ok {
		t.Fatalf("QR %q", s.QR)
	}
	text, _, _ := strings.Cut(rest, "&")
	raw, err := decodeBase32(text)
	if err != nil {
		t.Fatal(err)
	}
	key, err := totp.KeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func other(code string) string { return code[:5] + string('0'+(code[5]-'0'+1)%10) }

func (m *mac) code() string { return m.phone.Code(totp.Step(m.clock.Wall())) }

// misses types n wrong codes, waiting out what has to be waited.
func (m *mac) misses(n int) {
	m.t.Helper()
	for range n {
		v, err := m.try(ada.GUID, m.wrong())
		if err != nil || v.ok {
			m.t.Fatalf("a wrong code: %+v, %v", v, err)
		}
	}
}

// wrong is a code of no step that is near.
func (m *mac) wrong() string { return m.phone.Code(totp.Step(m.clock.Wall()) + 1000) }

func (m *mac) want(typed string, ok bool) {
	m.t.Helper()
	v, err := m.try(ada.GUID, typed)
	if err != nil || v.ok != ok {
		m.t.Fatalf("verdict %+v, %v; want %v", v, err, ok)
	}
}

func TestACodeWorksOnceWithADriftOfOneStep(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.want(m.code(), false) // the one typed at enrolment is used
	m.clock.Run(30 * time.Second)
	code := m.code()
	m.want(code, true)
	m.want(code, false)
	m.clock.Run(2 * time.Minute)
	step := totp.Step(m.clock.Wall())
	m.want(m.phone.Code(step+2), false)
	m.want(m.phone.Code(step-2), false)
	m.want(m.phone.Code(step-1), true)
	m.want(m.phone.Code(step+1), true)
	m.want(m.phone.Code(step), false) // earlier than one that was used
}

// TestLockOut is design §5: a minute after five misses, doubling to an hour,
// shut at twenty; neither a kill nor a reboot shortens it.
func TestLockOut(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.Run(time.Minute)
	m.misses(4)
	if _, reason := m.Ready(t.Context(), ada); reason != "" {
		t.Fatalf("after four misses: %s", reason)
	}
	m.misses(1)
	m.restart()
	if _, reason := m.Ready(t.Context(), ada); !strings.Contains(string(reason), "60 seconds") {
		t.Fatalf("after five misses and a kill: %q", reason)
	}
	m.want(m.code(), false) // refused unread
	m.clock.Run(59 * time.Second)
	m.want(m.code(), false)
	m.clock.Run(time.Second)
	m.misses(1)
	m.clock.Run(119 * time.Second)
	if _, reason := m.Ready(t.Context(), ada); reason == "" {
		t.Fatal("the sixth miss waits less than two minutes")
	}
	for range 14 {
		m.clock.Run(time.Hour)
		m.misses(1)
	}
	m.clock.Run(48 * time.Hour)
	if _, reason := m.Ready(t.Context(), ada); reason != textShut {
		t.Fatalf("after twenty misses: %q", reason)
	}
	m.want(m.code(), false)
	if err := m.Succeeded(ada.GUID); err != nil {
		t.Fatal(err)
	}
	m.want(m.code(), true)
}

func TestSuccessEndsTheStreak(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.Run(time.Minute)
	m.misses(4)
	m.want(m.code(), true)
	m.misses(4)
	if _, reason := m.Ready(t.Context(), ada); reason != "" {
		t.Errorf("misses of before counted on: %s", reason)
	}
}

func TestWhatIsNoCodeIsNoAttempt(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	for range 30 {
		m.want("12345", false)
		m.want("letter", false)
	}
	m.clock.Run(time.Minute)
	m.want(m.code()[:3]+" "+m.code()[3:], true)
}

func TestRemovingIsNoWayAroundTheLockOut(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.Run(time.Minute)
	m.misses(5)
	if n, err := m.Remove(ada.GUID, "", "reset"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	m.enrolPhone()
	if _, reason := m.Ready(t.Context(), ada); reason == "" {
		t.Error("a new key came with a clean slate")
	}
}

func TestSeveralPhones(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	first := m.phone
	m.clock.Run(time.Minute)
	m.enrolPhone()
	second := m.phone
	m.clock.Run(time.Minute)
	at := totp.Step(m.clock.Wall())
	m.want(first.Code(at), true)
	m.want(first.Code(at), false) // used, though the other phone would show another
	m.want(second.Code(at), true)
	if have, room := m.Count(ada); have != 2 || !room {
		t.Errorf("have %d, room %v", have, room)
	}

	if n, err := m.RemoveOlder(ada.GUID, "replaced"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	m.clock.Run(time.Minute)
	at = totp.Step(m.clock.Wall())
	m.want(first.Code(at), false)
	m.want(second.Code(at), true)
	if n, err := m.RemoveOlder(ada.GUID, "replaced"); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestOnePhoneOfOneUserIsRemoved(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	kept := m.phone
	m.clock.Run(time.Minute)
	m.enrolPhone()
	lost := m.phone
	list, err := m.List(ada.GUID)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if n, err := m.Remove("somebody-else", list[1].ID, "removed_on_device"); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := m.Remove(ada.GUID, list[1].ID, "removed_on_device"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	m.clock.Run(time.Minute)
	at := totp.Step(m.clock.Wall())
	m.want(lost.Code(at), false)
	m.want(kept.Code(at), true)
}

func TestThereIsAnEndToPhones(t *testing.T) {
	m := newMac(t)
	for range maxPhones {
		m.enrolPhone()
		m.clock.Run(time.Minute)
	}
	asked := func(context.Context, wire.Screen) (wire.Act, error) {
		t.Error("a key was made that there is no room for")
		return wire.Act{}, errors.New("stop")
	}
	if outcome, err := m.Enrol(t.Context(), ada, asked); err != nil || outcome.Result != factor.Declined || outcome.Note == "" {
		t.Errorf("%+v, %v", outcome, err)
	}
}

// TestTheAppIsToldOrgAndMac: a person with several Macs and orgs reads in the
// app which code is for which.
func TestTheAppIsToldOrgAndMac(t *testing.T) {
	m := newMac(t)
	_, _ = m.Enrol(t.Context(), ada, func(_ context.Context, s wire.Screen) (wire.Act, error) {
		if !strings.HasPrefix(s.QR, "otpauth://totp/acme.example:Ada%27s%20Mac%20%28ada%29?") || !strings.Contains(s.QR, "issuer=acme.example") {
			t.Errorf("QR %s", s.QR)
		}
		return wire.Act{}, errors.New("stop")
	})
}

func TestAWriteThatFailsLetsNobodyIn(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.Run(time.Minute)
	queued := m.journal.Queued()
	m.records.Fail = syscall.ENOSPC
	if v, err := m.try(ada.GUID, m.code()); !errors.Is(err, syscall.ENOSPC) || v.ok {
		t.Fatalf("%+v, %v", v, err)
	}
	if n := m.journal.Queued(); n != queued {
		t.Errorf("%d events wait, want %d: the miss was never written", n, queued)
	}
	m.records.Fail = nil
	m.want(m.code(), true)
}

func TestWithoutATrustedTimeNoCodeIsTaken(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.SetWall(-time.Hour)
	if _, reason := m.Ready(t.Context(), ada); reason != textClock {
		t.Errorf("reason %q", reason)
	}
	outcome, err := m.Enrol(t.Context(), ada, nil)
	if err != nil || outcome.Result != factor.Declined {
		t.Errorf("enrol: %+v, %v", outcome, err)
	}
}

func TestEveryMissHasItsEventAndNothingOfTheCode(t *testing.T) {
	m := newMac(t)
	m.enrolPhone()
	m.clock.Run(time.Minute)
	wrong, right := m.wrong(), m.code()
	m.want(wrong, false)
	m.want(right, true)
	m.want(right, false)
	m.misses(4)
	list, err := m.journal.Pending(100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, strings.TrimPrefix(e.Type, "device.desktop_mfa.")+" "+e.Detail["reason"])
		for _, v := range e.Detail {
			if strings.Contains(v, wrong) || strings.Contains(v, right) {
				t.Errorf("event %s holds a code", e.Type)
			}
		}
	}
	want := "enrollment.create |factor.reject wrong|factor.reject replayed|factor.reject wrong|factor.reject wrong|factor.reject wrong|factor.reject wrong|factor.lock "
	if strings.Join(got, "|") != want {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "|"), want)
	}
}
