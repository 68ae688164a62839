package stories

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/trialtest"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

var programs *trialtest.Programs

func TestMain(m *testing.M) { os.Exit(trialtest.Main(m, "..", &programs)) }

// mac is the Mac that a story happens on, with its person and help desk.
type mac struct {
	*trial.World
	t     *testing.T
	phone trial.Phone
}

// person is who sits at the login window; see steps.
type person = trial.Person

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
func (m *mac) in(steps ...func(*person) error) {
	m.t.Helper()
	m.must(m.Login(trial.Reception().Name, &m.phone, authhost.Allow, does(steps)))
}

// out wants who knows reception's password, and does these steps, to end where
// the evaluation ends without a login.
func (m *mac) out(steps ...func(*person) error) {
	m.t.Helper()
	m.must(m.Login(trial.Reception().Name, &m.phone, authhost.UserCanceled, does(append(steps, leaves))))
}

func does(steps []func(*person) error) func(*person) error {
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
	m.in(sees("Protect your sign-in"), presses("Set up now", "enter"), (*person).SetsUp)
	m.must(m.CheckIn(trial.Reception()))
	m.must(m.Pass(time.Minute))
	m.in(sees("A second factor was set up for you"), presses("Device access code", "enter"), theCode)
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
	m.must(m.PushProfile(more...))
	m.must(m.Until("the new profile is in force", func() (bool, error) {
		s, err := m.Status()
		return s.Policy.SHA256 != before.Policy.SHA256, err
	}))
}

// The steps of a person.

func sees(words string) func(*person) error {
	return func(p *person) error { return p.Sees(words) }
}

func presses(what string, keys ...string) func(*person) error {
	return func(p *person) error { return p.Presses(what, keys...) }
}

func enters(what, text string) func(*person) error {
	return func(p *person) error { return p.Enters(what, text) }
}

func notNow(p *person) error { return p.Presses("Not now", "n", "enter") }

// theCode is typed from the phone.
func theCode(p *person) error {
	return trial.Steps(func() error { return p.Sees("Enter your device access code") }, p.EntersCode)
}

// aWrongCode is typed by who has no phone.
func aWrongCode(p *person) error {
	return trial.Steps(func() error { return p.Sees("Enter your device access code") },
		func() error { return p.Enters("a wrong code", "000000") },
		func() error { return p.Sees("That code is not right") })
}

// thePIN is typed under Contact admin, and the offer of a new factor put off.
func thePIN(pin string) func(*person) error {
	return func(p *person) error {
		return trial.Steps(p.Contacts, func() error { return p.Enters("the PIN", pin) }, func() error { return p.Accepted(p.Later) })
	}
}

// aWrongPIN is typed by who called nobody.
func aWrongPIN(p *person) error {
	return trial.Steps(p.Contacts, func() error { return p.Enters("a wrong PIN", wrongPIN()) },
		func() error { return p.Sees("This PIN is not good here and now") })
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

// back at the password; the name and the password are typed again.
func back(m *mac) func(*person) error {
	return func(p *person) error {
		return trial.Steps(
			func() error { return p.Sees("Back at the start") },
			func() error { return p.Enters("the name", trial.Reception().Name) },
			func() error { return p.Waits("Password") },
			func() error { return p.Enters("the password", m.Password) },
		)
	}
}

// leaves goes back to the password, where that is not where the person is, and
// away.
func leaves(p *person) error {
	if strings.Contains(p.Screen(), "Back to the password") {
		return p.Leaves()
	}
	return trial.Steps(func() error { return p.Sees("Name") }, func() error { return p.Presses("Escape", "esc") })
}
