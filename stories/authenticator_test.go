package stories

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/phonetest"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
)

// office lets the account in whose person the org knows by the same name.
func (m *mac) office(want authhost.Result, steps ...step) {
	m.t.Helper()
	m.as(trial.Office(), want, steps...)
}

func chooses(words string) step {
	return func(p *person) error { return p.Chooses(words) }
}

// TestAPhoneWithoutAnApp: the org's own page is the phone, from the invitation
// to the first login, with a wrong number on the way and an answer that is late.
func TestAPhoneWithoutAnApp(t *testing.T) {
	m := aMac(t)
	m.must(m.AddUser(trial.OfficeLogin))
	phone, err := m.AddPage(trial.OfficeLogin)
	m.must(err)
	approves := func(wrong bool) step {
		return func(p *person) error {
			number, err := p.Number(trial.OfficeLogin)
			if err != nil {
				return err
			}
			asked, err := m.OnPage(phone)
			if err != nil {
				return err
			}
			if asked.Login != trial.OfficeLogin || asked.Mac != trial.MachineName || !asked.Number {
				t.Errorf("the page shows %+v", asked)
			}
			if wrong {
				number = different(number)
			}
			_, err = phone.Approve(t.Context(), asked.ID, number)
			var refusal *phonetest.Refusal
			if wrong && errors.As(err, &refusal) {
				return nil
			}
			return err
		}
	}
	m.office(authhost.Allow, sees("Protect your sign-in"), chooses("Connect your organization account"), sees("Organization user name"), enters("the name in the org", trial.OfficeLogin),
		sees("Choose this number on your phone"), approves(true), sees("The question was refused on the phone"), presses("Send again", "enter"),
		sees("Choose this number on your phone"), approves(false), sees("Set up a factor that works without a network too"), (*person).Later)
	m.must(m.Pass(time.Minute))

	// The person goes away; the page says so, and takes no answer any more.
	var late phonetest.Push
	m.office(authhost.UserCanceled, chooses("Push to your phone"), sees("Choose this number on your phone"), func(p *person) (err error) {
		late, err = m.OnPage(phone)
		return err
	}, leaves)
	m.must(m.Pass(6 * time.Minute))
	var refusal *phonetest.Refusal
	if _, err := phone.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Approve(t.Context(), late.ID, "11"); !errors.As(err, &refusal) {
		t.Errorf("a push of before is answered: %v", err)
	}
}

func different(number string) string {
	if strings.HasPrefix(number, "1") {
		return "2" + number[1:]
	}
	return "1" + number[1:]
}

// TestAKeyAtTheOrg: registered in a browser, it signs in at the Mac; a copy of
// it is found out by the org, and then the person goes another way.
func TestAKeyAtTheOrg(t *testing.T) {
	m := aMac(t)
	m.must(m.AddUser(trial.OfficeLogin))
	m.must(m.AddPhone(trial.OfficeLogin))
	m.office(authhost.Allow, sees("Protect your sign-in"), chooses("Connect your organization account"), sees("Organization user name"), enters("the name in the org", trial.OfficeLogin),
		sees("Choose this number on your phone"), func(p *person) error { return p.Matches(trial.OfficeLogin) }, sees("Set up a factor that works without a network too"), (*person).Later)
	m.must(m.Pass(time.Minute))

	key, err := softkey.Plug(m.Keys(), "key", softkey.Options{PIN: "123456"})
	m.must(err)
	defer key.Close()
	byKey := func(more ...step) []step {
		return append([]step{chooses("Security key"), sees("tries are left"), enters("the key's PIN", "123456")}, more...)
	}
	later := func(p *person) error {
		return trial.Steps(func() error { return p.Sees("Set up a factor that works without a network too") }, p.Later)
	}
	m.office(authhost.UserCanceled, chooses("Security key"), sees("has no security key for this"), leaves)
	m.must(m.AddKey(trial.OfficeLogin, "123456"))
	m.office(authhost.Allow, byKey(later)...)

	m.must(key.Pull())
	stranger, err := softkey.Plug(m.Keys(), "strangers", softkey.Options{})
	m.must(err)
	m.office(authhost.UserCanceled, chooses("Security key"), sees("This key is not set up for you here"), leaves)
	m.must(stranger.Close())

	copied, err := key.Clone(m.Keys(), "copy")
	m.must(err)
	m.office(authhost.Allow, byKey(later)...)
	m.must(copied.Close())
	m.must(key.PutIn())
	m.office(authhost.Allow, append(byKey(sees("does not take this key"), presses("Another way", "a", "enter")), chooses("Push to your phone"),
		sees("Choose this number on your phone"), func(p *person) error { return p.Matches(trial.OfficeLogin) }, later)...)
	out, err := m.Desk(trial.Admin, "events", "list", "--limit", "500", "--json")
	if err != nil || !strings.Contains(out, `"user.mfa.factor.suspend"`) {
		t.Errorf("the log says nothing of the copy: %v", err)
	}
}
