package stories

import (
	"net/url"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// theirPush connects reception by a push to the phone of the org user.
func (m *mac) theirPush(login string) step {
	return func(p *person) error {
		return trial.Steps(
			func() error { return p.Chooses("Connect your organization account") },
			func() error { return p.Sees("Organization user name") },
			func() error { return p.Enters("the name in the org", login) },
			func() error { return p.Sees("Choose this number on your phone") },
			func() error { return p.Matches(trial.OfficeLogin) },
		)
	}
}

// The Mac's account and the org's user have other names: an administrator says
// in the console who it is, and the person connects the two.
func TestAnAdministratorNamesTheUser(t *testing.T) {
	m := aMac(t)
	m.must(m.AddUser(trial.OfficeLogin))
	m.must(m.AddPhone(trial.OfficeLogin))
	m.in(sees("Protect your sign-in"), notNow)
	m.must(m.CheckIn(trial.Reception()))
	m.out(sees("Protect your sign-in"), func(p *person) error { return p.Chooses("Connect your organization account") },
		sees("Organization user name"), enters("the name in the org", trial.OfficeLogin), sees("does not belong to this Mac's account"))
	d := m.opensTheConsole()
	d.sends("/people/prelink", url.Values{"list": {trial.MachineSerial + "," + trial.Reception().Name + "," + trial.OfficeLogin}})
	m.must(m.CheckIn(trial.Reception()))
	// The short form is enough, and stands there already.
	m.in(sees("Protect your sign-in"), m.theirPush(""), sees("Set up a factor that works without a network too"), (*person).SetsUpCode)
	a, err := m.Account(trial.Reception())
	m.must(err)
	if a.Linked != trial.OfficeLogin {
		t.Errorf("connected to %q", a.Linked)
	}
}

// A PIN says who the person is: with it any user of the org can be connected,
// once the grace is over too.
func TestAPINConnectsTheAccount(t *testing.T) {
	m := aMac(t).met()
	m.must(m.AddUser(trial.OfficeLogin))
	m.must(m.AddPhone(trial.OfficeLogin))
	m.must(m.Pass(49 * time.Hour))
	m.must(m.CheckIn(trial.Reception()))
	m.in((*person).Contacts, enters("the PIN", m.pin()), sees("Recovery PIN accepted"), m.theirPush(trial.OfficeLogin), sees("is connected to "+trial.OfficeLogin), (*person).Later)
	m.must(m.Pass(2 * time.Hour))
	m.in(sees("Your account was connected to your organization account"), func(p *person) error { return p.Chooses("Push to your phone") },
		sees("Choose this number on your phone"), func(p *person) error { return p.Matches(trial.OfficeLogin) },
		sees("One more step"), (*person).SetsUpCode) // the first days are over: the offline factor is due
}
