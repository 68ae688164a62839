package loginright_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright/righttest"
)

// mac is a Mac's login right with its keeper, and what a test turns.
type mac struct {
	*loginright.Keeper
	authd *righttest.Authd
	facts loginright.Facts
	now   time.Duration

	bundle       error // what looking at it says
	code         error // what reading it says
	print        string
	rehearsals   int
	proven       string
	verifies     int
	rehearsalSay error
}

func (m *mac) Proven() string           { return m.proven }
func (m *mac) Prove(what string) error  { m.proven = what; return nil }
func (m *mac) round() loginright.State  { return m.Round(context.Background(), m.factsOf) }
func (m *mac) list(t *testing.T) string { return standing(t, m.authd).String() }

func (m *mac) factsOf(s loginright.Standing) loginright.Facts {
	f := m.facts
	f.Standing = s
	return f
}

func newMac(t *testing.T) *mac {
	m := &mac{authd: &righttest.Authd{}, facts: loginright.Facts{Managed: true, InForce: true}, print: "first"}
	m.authd.Put(loginright.Console, righttest.Stock(t, 11))
	m.Keeper = &loginright.Keeper{
		Editor: loginright.Editor{Database: m.authd, Lock: unlocked},
		Look:   func() (string, error) { return m.print, m.bundle },
		Verify: func(context.Context) error { m.verifies++; return m.code },
		Rehearse: func(ctx context.Context) error {
			m.rehearsals++
			return errors.Join(m.rehearsalSay, loginright.Rehearse(ctx, m.authd))
		},
		Proofs: m, System: "26.1", Now: func() time.Duration { return m.now },
	}
	return m
}

func unlocked(context.Context) (func(), error) { return func() {}, nil }

func standing(t *testing.T, a *righttest.Authd) loginright.Standing {
	t.Helper()
	return parse(t, a.Right(loginright.Console)).Standing()
}

func TestDecide(t *testing.T) {
	ends := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	good := loginright.Facts{Managed: true, InForce: true}
	for name, c := range map[string]struct {
		change func(*loginright.Facts)
		want   loginright.Wish
		why    string
	}{
		"a profile":                 {func(*loginright.Facts) {}, loginright.WantIn, "in force"},
		"no profile":                {func(f *loginright.Facts) { f.InForce = false }, loginright.WantOut, "no valid profile"},
		"a profile that is gone":    {func(f *loginright.Facts) { f.Off = true }, loginright.WantOut, "the profile is gone"},
		"by hand":                   {func(f *loginright.Facts) { f.ByHand = true }, loginright.WantOut, "by hand"},
		"by the server":             {func(f *loginright.Facts) { f.RemoteEnds = ends }, loginright.WantOut, "until 2026-11-27T12:00:00Z"},
		"not managed":               {func(f *loginright.Facts) { f.Managed = false; f.ByHand = true; f.Off = true }, loginright.Leave, "LatchkeyManageLoginRight"},
		"Setup Assistant":           {func(f *loginright.Facts) { f.SettingUp = true }, loginright.Leave, "Setup Assistant"},
		"Setup Assistant, armed":    {func(f *loginright.Facts) { f.SettingUp = true; f.Standing = loginright.Armed }, loginright.WantIn, "in force"},
		"a store that was lost":     {func(f *loginright.Facts) { f.Lost = true }, loginright.Leave, "the store was lost"},
		"lost, with half of ours":   {func(f *loginright.Facts) { f.Lost = true; f.Standing = loginright.Partial }, loginright.WantIn, "in force"},
		"lost, and no profile left": {func(f *loginright.Facts) { f.Lost = true; f.Off = true }, loginright.WantOut, "gone"},
	} {
		f := good
		c.change(&f)
		if got, why := loginright.Decide(f); got != c.want || !strings.Contains(why, c.why) {
			t.Errorf("%s: %v, %q", name, got, why)
		}
	}
}

func TestAnUpdateThatPutsItsOwnListBackIsNoticed(t *testing.T) {
	m := newMac(t)
	if s := m.round(); s.Word != "armed" || !s.Changed || s.Found != loginright.Absent || m.rehearsals != 1 {
		t.Fatalf("%+v, %d rehearsals", s, m.rehearsals)
	}
	if s := m.round(); s.Word != "armed" || s.Changed || m.authd.Writes() != 3 { // two of the rehearsal, and the list
		t.Errorf("%+v, %d writes", s, m.authd.Writes())
	}
	if m.authd.Right(loginright.RehearsalRight) != nil {
		t.Error("the rehearsal's right is still there")
	}
	m.authd.Put(loginright.Console, righttest.Stock(t, 10))
	if s := m.round(); s.Word != "armed" || !s.Changed || s.Found != loginright.Absent || m.rehearsals != 1 {
		t.Errorf("%+v, %d rehearsals", s, m.rehearsals)
	}
	if got := string(m.authd.Right(loginright.Console)); !strings.Contains(got, "<integer>10</integer>") || !strings.Contains(got, "PSSOAuthPlugin:login-auth") {
		t.Errorf("the new list was not kept:\n%s", got)
	}
}

// TestHalfOfOurs: what an update, or another product that puts its backup back,
// leaves of us locks everybody out, or lets everybody in.
func TestHalfOfOurs(t *testing.T) {
	for _, half := range []string{loginright.Prompt, loginright.Gate, "Latchkey:gate"} {
		m := newMac(t)
		list := parse(t, righttest.Stock(t, 11)).Mechanisms()
		m.authd.Put(loginright.Console, written(slices.Insert(list, 10, half), "\n"))
		if s := m.round(); s.Word != "armed" || s.Found != loginright.Partial {
			t.Errorf("%s: %+v", half, s)
		}
		m.authd.Put(loginright.Console, written(slices.Insert(list, 10, half), "\n"))
		m.facts.Off = true
		if s := m.round(); s.Word != "disarmed" || m.list(t) != "disarmed" {
			t.Errorf("%s, without a profile: %+v", half, s)
		}
	}
}

func TestABundleThatDoesNotHoldIsNeverInTheList(t *testing.T) {
	broken := &loginright.BundleError{Path: "/p/Latchkey.bundle", Problem: "is not there"}
	for name, breaks := range map[string]func(*mac){
		"missing":             func(m *mac) { m.bundle = broken },
		"one architecture":    func(m *mac) { m.code, m.print = broken, "second" },
		"does not run at all": func(m *mac) { m.rehearsalSay, m.print = errors.New("macOS did not run it"), "second" },
		"after an update of macOS": func(m *mac) {
			m.System = "27.0"
			m.authd.Evaluated = func([]byte) error { return errors.New("NO (-60008)") }
		},
	} {
		m := newMac(t)
		breaks(m)
		s := m.round()
		if s.Word != "disarmed" || s.Changed || !strings.Contains(s.Reason, "does not hold") || m.list(t) != "disarmed" {
			t.Errorf("%s, not armed: %+v", name, s)
		}
		m = newMac(t)
		m.round()
		breaks(m)
		s = m.round()
		// Once more, since an installer may be in the middle of replacing it.
		if s.Word != "armed" || s.Again == 0 || s.Again > time.Minute || m.list(t) != "armed" {
			t.Errorf("%s, first look: %+v", name, s)
		}
		if s = m.round(); s.Word != "disarmed" || !s.Changed || m.list(t) != "disarmed" {
			t.Errorf("%s, second look: %+v", name, s)
		}
		m.bundle, m.code, m.rehearsalSay, m.print, m.authd.Evaluated = nil, nil, nil, "third", nil
		if s = m.round(); s.Word != "armed" {
			t.Errorf("%s, mended: %+v", name, s)
		}
	}
}

func TestWhatWasLookedAtIsBelievedForAnHour(t *testing.T) {
	m := newMac(t)
	m.round()
	m.round()
	if m.verifies != 1 {
		t.Errorf("it was read %d times", m.verifies)
	}
	m.now += 61 * time.Minute
	m.round()
	m.print = "replaced"
	m.round()
	if m.verifies != 3 || m.rehearsals != 2 {
		t.Errorf("it was read %d times and rehearsed %d times", m.verifies, m.rehearsals)
	}
}

func TestARehearsalThatFailedIsNotPlayedAtEachLook(t *testing.T) {
	m := newMac(t)
	m.rehearsalSay = errors.New("no")
	for range 4 {
		m.round()
		m.now += time.Minute
	}
	if m.rehearsals != 1 {
		t.Errorf("%d rehearsals in four minutes", m.rehearsals)
	}
	m.now += 5 * time.Minute
	m.rehearsalSay = nil
	if s := m.round(); s.Word != "armed" {
		t.Errorf("%+v", s)
	}
}

func TestARehearsalWhoseAnswerComesFromElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		says func(xml []byte) error
		want string
	}{
		"everything passes":  {func([]byte) error { return nil }, "let a mechanism pass that refuses"},
		"everything refused": {func([]byte) error { return loginright.ErrDenied }, "did not run the plug-in"},
		"authd fails":        {func([]byte) error { return errors.New("NO (-60008)") }, "-60008"},
	} {
		a := &righttest.Authd{Evaluated: c.says}
		if err := loginright.Rehearse(t.Context(), a); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if a.Right(loginright.RehearsalRight) != nil {
			t.Errorf("%s: the right is still there", name)
		}
	}
}

// TestWhoElseEditsIsNotWaitedForLong: a removal disarms, keeps the daemon out and
// waits until it has seen that. A round that began in between wants to arm, and
// must not stand at the door meanwhile.
func TestWhoElseEditsIsNotWaitedForLong(t *testing.T) {
	for name, change := range map[string]func(*mac){
		"to arm": func(*mac) {},
		"to disarm": func(m *mac) {
			m.round()
			m.facts.Off = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, path := newMac(t), filepath.Join(t.TempDir(), loginright.LockName)
				change(m)
				m.Editor.Lock = loginright.FileLock(path, loginright.PatienceOfDaemon)
				unlock, err := loginright.FileLock(path, loginright.PatienceOfPeople)(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				before, began := m.list(t), time.Now()
				s := m.round()
				if s.Word != before || !strings.Contains(s.Reason, loginright.ErrLocked.Error()) || s.Again <= 0 || s.Again > 10*time.Second {
					t.Errorf("%+v", s)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the round stood at the door for %s", took)
				}
				m.authd.Put(loginright.Console, righttest.Stock(t, 11))
				m.facts.ByHand = true
				if s := m.round(); s.Word != loginright.Absent.String() || !strings.Contains(s.Reason, "by hand") {
					t.Errorf("while the other still edits: %+v", s)
				}
				unlock()
			})
		})
	}
}

func TestAToolThatDoesNotDoAsItSays(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*mac)
		word   string
		want   string
	}{
		"reading fails":    {func(m *mac) { m.authd.ReadFails = errors.New("it did not end in time") }, "unknown", "did not end in time"},
		"writing fails":    {func(m *mac) { m.authd.WriteFails = errors.New("NO (-60005)") }, "disarmed", "-60005"},
		"nothing happens":  {func(m *mac) { m.authd.Written = func([]byte) ([]byte, bool) { return nil, false } }, "disarmed", "could not be armed"},
		"half is written":  {func(m *mac) { m.authd.Written = onlyGate }, "disarmed", "could not be armed"},
		"version is lost":  {func(m *mac) { m.authd.Written = noVersion }, "disarmed", `"version"`},
		"somebody is busy": {func(m *mac) { m.authd.BeforeWrite = func(string) { m.authd.Put("another", nil) } }, "armed", "in force"},
	} {
		m := newMac(t)
		m.round() // rehearsed, so that what follows is about the list
		m.authd.Put(loginright.Console, righttest.Stock(t, 11))
		c.breaks(m)
		s := m.round()
		m.authd.ReadFails = nil
		if s.Word != c.word || !strings.Contains(s.Reason, c.want) || m.list(t) == "partial" {
			t.Errorf("%s: %+v, the list is %s", name, s, m.list(t))
		}
	}
}

// onlyGate is a database that keeps half of what is written, once.
func onlyGate(xml []byte) ([]byte, bool) {
	return []byte(strings.Replace(string(xml), "\t\t<string>Latchkey:prompt</string>\n", "", 1)), true
}

func noVersion(xml []byte) ([]byte, bool) {
	return []byte(strings.Replace(string(xml), "<integer>11</integer>", "<integer>0</integer>", 1)), true
}

// TestAnotherProductEditsBetweenReadAndWrite: its entry is there afterwards.
func TestAnotherProductEditsBetweenReadAndWrite(t *testing.T) {
	m := newMac(t)
	m.round()
	raw := righttest.Stock(t, 11)
	m.authd.Put(loginright.Console, raw)
	reads := 0
	m.Editor.Database = hooked{m.authd, func() {
		if reads++; reads == 3 { // between the editor's two looks
			m.authd.Put(loginright.Console, []byte(strings.Replace(string(raw), "<string>loginwindow:done</string>", "<string>Crypt:Check,privileged</string>\n\t\t<string>loginwindow:done</string>", 1)))
		}
	}}
	if s := m.round(); s.Word != "armed" {
		t.Fatalf("%+v", s)
	}
	if !strings.Contains(string(m.authd.Right(loginright.Console)), "Crypt:Check,privileged") {
		t.Error("the other product's entry is gone")
	}
	// And one that does it each time wins: nothing is written against it.
	n := 0
	m.authd.Put(loginright.Console, raw)
	m.Editor.Database = hooked{m.authd, func() {
		n++
		m.authd.Put(loginright.Console, []byte(strings.Replace(string(raw), "builtin:prelogin", "other:"+strings.Repeat("x", n), 1)))
	}}
	writes := m.authd.Writes()
	if s := m.round(); s.Word != "disarmed" || !strings.Contains(s.Reason, loginright.ErrContended.Error()) || m.authd.Writes() != writes {
		t.Errorf("%+v", s)
	}
}

// hooked calls before each read.
type hooked struct {
	*righttest.Authd
	before func()
}

func (h hooked) Read(ctx context.Context, right string) ([]byte, error) {
	h.before()
	return h.Authd.Read(ctx, right)
}

// TestToldToEndInTheMiddle: what was written stays, and is known to be there.
func TestToldToEndInTheMiddle(t *testing.T) {
	m := newMac(t)
	m.round()
	m.authd.Put(loginright.Console, righttest.Stock(t, 11))
	ctx, cancel := context.WithCancel(t.Context())
	m.authd.BeforeWrite = func(string) { cancel() }
	m.Editor.Database = strict{m.authd}
	if s := m.Round(ctx, m.factsOf); s.Word != "armed" || !s.Changed || m.list(t) != "armed" {
		t.Errorf("%+v, the list is %s", s, m.list(t))
	}
}

// strict does nothing for who has been told to end, as a tool does that is killed.
type strict struct{ *righttest.Authd }

func (s strict) Read(ctx context.Context, right string) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.Authd.Read(ctx, right)
}

func TestADisarmThatFailsSaysSo(t *testing.T) {
	m := newMac(t)
	m.round()
	m.authd.WriteFails = errors.New("NO (-60005)")
	m.facts.ByHand = true
	if s := m.round(); s.Word != "armed" || !strings.Contains(s.Reason, "could not be disarmed") {
		t.Errorf("%+v", s)
	}
	if _, err := m.Editor.Disarm(t.Context()); err == nil {
		t.Error("an uninstaller would go on")
	}
}
