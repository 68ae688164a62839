package stories

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/trialtest"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

var programs *trialtest.Programs

func TestMain(m *testing.M) {
	flag.Parse()
	// A story mostly waits for screens: more of them fit beside each other than
	// the machine has processors.
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	os.Exit(trialtest.Main(m, "..", &programs))
}

// mac is the Mac that a story happens on, with its person and help desk.
type mac struct {
	*trial.World
	t     *testing.T
	phone trial.Phone
}

// person is who sits at the login window, and does one step after the other.
type (
	person = trial.Person
	step   = func(*person) error
)

// aMac runs, with its server, a profile and a certificate.
func aMac(t *testing.T) *mac {
	t.Helper()
	t.Parallel()
	return &mac{World: programs.Started(t, trial.Options{}), t: t}
}

// must ends the story where a step of it went otherwise.
func (m *mac) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%v\nthe daemon's log:\n%s", err, m.Daemon.Log())
	}
}

// in wants reception to be let in, doing these steps after the password.
func (m *mac) in(steps ...step) {
	m.t.Helper()
	m.as(trial.Reception(), authhost.Allow, steps...)
}

// out wants who knows reception's password, and does these steps, not to be
// let in: back at the password, with nothing left but to leave.
func (m *mac) out(steps ...step) {
	m.t.Helper()
	m.as(trial.Reception(), authhost.UserCanceled, append(steps, leaves)...)
}

// rightOneInWrongOneOut is both at one login window, one after the other: who
// has no phone is sent back to the password, reception gets in by the code.
func (m *mac) rightOneInWrongOneOut() {
	m.t.Helper()
	m.in(aWrongCode, presses("Back to the password", "esc"), again(m), theCode)
}

// as plays a login of any account, to any end.
func (m *mac) as(a trial.Account, want authhost.Result, steps ...step) {
	m.t.Helper()
	m.must(m.Login(a.Name, &m.phone, want, does(steps)))
}

// outWithAWrongPassword wants who does not even know the password to get no
// further than that.
func (m *mac) outWithAWrongPassword() {
	m.t.Helper()
	right := m.Password
	m.Password = "a guess"
	defer func() { m.Password = right }()
	m.as(trial.Reception(), authhost.UserCanceled, leaves)
}

func does(steps []step) func(*person) error {
	return func(p *person) error {
		for _, step := range steps {
			if err := step(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// enrolled sets up reception's device access code, and lets the next code
// come. The recovery secret is registered.
func (m *mac) enrolled() *mac {
	m.t.Helper()
	m.in(sees("Protect your sign-in"), (*person).SetsUpCode)
	m.must(m.CheckIn(trial.Reception()))
	m.must(m.Pass(time.Minute))
	return m
}

// met lets reception meet the second factor for the first time: the grace has
// begun, the recovery secret is registered.
func (m *mac) met() *mac {
	m.t.Helper()
	m.in(sees("Protect your sign-in"), notNow)
	m.must(m.CheckIn(trial.Reception()))
	return m
}

// pin is made by the help desk for reception.
func (m *mac) pin(more ...string) string {
	m.t.Helper()
	pin, err := m.ReadAloud(trial.Reception(), more...)
	m.must(err)
	return pin
}

// push has the MDM push the profile with further keys, and waits until the
// daemon has taken it.
func (m *mac) push(more ...string) {
	m.t.Helper()
	before, err := m.Status()
	m.must(err)
	written := func() (at time.Time) { // what the plug-in falls back on is written next, and this after the gate's
		if file, err := os.Stat(m.Path("files", "contact.json")); err == nil {
			at = file.ModTime()
		}
		return at
	}
	last := written()
	m.must(m.PushProfile(more...))
	m.must(m.Until("the new profile is in force", func() (bool, error) {
		s, err := m.Status()
		return s.Policy.SHA256 != before.Policy.SHA256 && !written().Equal(last), err
	}))
}

// The steps of a person.

func sees(words string) step {
	return func(p *person) error { return p.Sees(words) }
}

func presses(what string, keys ...string) step {
	return func(p *person) error { return p.Presses(what, keys...) }
}

func enters(what, text string) step {
	return func(p *person) error { return p.Enters(what, text) }
}

func notNow(p *person) error { return p.Presses("Not now", "n", "enter") }

// theScreenForACode is reached past the news that a factor was set up.
func theScreenForACode(p *person) error {
	if err := p.Waits("access code"); err != nil {
		return err
	}
	if strings.Contains(p.Screen(), "Choose how to go on") {
		if err := p.Presses("Device access code", "enter"); err != nil {
			return err
		}
	}
	return p.Sees("Enter your device access code")
}

// theCode is typed from the phone.
func theCode(p *person) error {
	return trial.Steps(func() error { return theScreenForACode(p) }, p.EntersCode)
}

// aWrongCode is typed by who has no phone.
func aWrongCode(p *person) error {
	return does([]step{theScreenForACode, enters("a wrong code", "000000"), sees("That code is not right")})(p)
}

// thePIN is typed under Contact admin, and the offer of a new factor put off.
func thePIN(pin string) step {
	return does([]step{(*person).Contacts, enters("the PIN", pin), later})
}

// thePINForTheDeviceCode is read aloud for what the screen shows.
func (m *mac) thePINForTheDeviceCode(p *person) error {
	if err := p.Contacts(); err != nil {
		return err
	}
	code, err := p.Reads(`Device code\s+(\d{4} \d{4})`)
	if err != nil {
		return err
	}
	pin, err := m.ReadAloud(trial.Reception(), "--device-code", code)
	if err != nil {
		return err
	}
	return does([]step{enters("the PIN for the device code", pin), later})(p)
}

// later puts off what follows an accepted PIN: the offer of a new factor.
func later(p *person) error { return p.Accepted(p.Later) }

// aWrongPIN is typed by who called nobody.
func aWrongPIN(p *person) error {
	return does([]step{(*person).Contacts, enters("a wrong PIN", wrongPIN()), sees("This PIN is not good here and now")})(p)
}

// wrongPIN is one that is no typing error.
func wrongPIN() string {
	for i := 0; ; i++ {
		pin := fmt.Sprintf("10203040%d", i)
		if _, err := recoverypin.ParsePIN(pin); err == nil {
			return pin
		}
	}
}

// signsIn types name and password where the login window asks for them.
func signsIn(m *mac) step {
	return func(p *person) error {
		return does([]step{sees("Name"), enters("the name", trial.Reception().Name), sees("Password"), enters("the password", m.Password)})(p)
	}
}

// again types both in a new round, after one that was denied.
func again(m *mac) step { return does([]step{sees("Back at the start"), signsIn(m)}) }

// carriesOn leaves the plug-in's own screen, shown while the daemon is away.
func carriesOn(p *person) error {
	return does([]step{sees("Verification is not available"), presses("Continue", "enter")})(p)
}

// leaves goes back to the password, where that is not where the person is, and
// away.
func leaves(p *person) error {
	if strings.Contains(p.Screen(), "Back to the password") {
		if err := p.Presses("Back to the password", "esc"); err != nil {
			return err
		}
	}
	return does([]step{sees("Back at the start"), presses("Escape", "esc")})(p)
}

// aside is a step of somebody else while the person sits there.
func aside(f func()) step { return func(*person) error { f(); return nil } }
