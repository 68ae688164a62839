package trial

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/pkg/totp"
	"github.com/latchkey-mfa/latchkey/plugin/panel/terminal"
)

// OrgClient is how Macs sign people in at the org.
type OrgClient struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// OnServer runs a command of latchkey-server on the server's own machine, in
// its data folder and by its clock.
func (w *World) OnServer(args ...string) (string, error) {
	return Command(w.ctx, nil, w.server(), append(args, "--data", w.Path("server"), "--sim-clock", w.Clocks.Server)...)
}

// onServerJSON reads what such a command prints.
func (w *World) onServerJSON(into any, args ...string) error {
	out, err := w.OnServer(append(args, "--json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("read the answer to %s: %w", strings.Join(args[:2], " "), err)
	}
	return nil
}

// AddUser adds a user of the org.
func (w *World) AddUser(login string) error {
	_, err := w.Desk(Admin, "user", "add", login, "--email", login, "--first-name", "Front", "--last-name", "Office")
	return err
}

// AddApp sets up an authenticator app of a user's, verified by the org
// (OV_TOTP).
func (w *World) AddApp(login string) (totp.Key, error) {
	var made struct{ Secret string }
	if err := w.onServerJSON(&made, "factor", "enrol-totp", login, "--unconfirmed"); err != nil {
		return totp.Key{}, err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(made.Secret)
	if err != nil {
		return totp.Key{}, fmt.Errorf("read the app's key: %w", err)
	}
	return totp.KeyFrom(raw)
}

// AddPhone sets up a phone of a user's, for pushes (OV_Push).
func (w *World) AddPhone(login string) error {
	_, err := w.OnServer("factor", "enrol-phone", login, "Phone")
	return err
}

// WaitingPush is a question that waits on a user's phone.
type WaitingPush struct {
	ID      string
	Login   string
	Numbers []string
}

// OnPhone is the question that waits on the user's phone.
func (w *World) OnPhone(login string) (found WaitingPush, err error) {
	err = w.Until("a question is on the phone", func() (bool, error) {
		var waiting []WaitingPush
		if err := w.onServerJSON(&waiting, "push", "list"); err != nil {
			return false, err
		}
		for _, p := range waiting {
			if p.Login == login {
				found = p
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// Approve answers on the phone with the number that the Mac shows.
func (w *World) Approve(login, number string) error {
	p, err := w.OnPhone(login)
	if err != nil {
		return err
	}
	w.Say("  phone   approves with %s, of %s", number, strings.Join(p.Numbers, ", "))
	_, err = w.OnServer("push", "approve", p.ID, "--number", number)
	return err
}

// Matches approves with the number that the Mac shows: the person finds it among
// those on the phone.
func (p *Person) Matches(login string) error {
	number, err := p.Number(login)
	if err != nil {
		return err
	}
	return p.Approve(login, number)
}

// Number is what the Mac shows for a push to that user's phone, in big figures.
func (p *Person) Number(login string) (string, error) {
	waiting, err := p.OnPhone(login)
	if err != nil {
		return "", err
	}
	for _, number := range waiting.Numbers {
		if p.shows(number) {
			return number, nil
		}
	}
	return "", fmt.Errorf("the Mac shows none of the numbers on the phone, %q", waiting.Numbers)
}

// shows reports whether the screen has a number, in big figures.
func (p *Person) shows(number string) bool {
	screen := strings.Split(p.Screen(), "\n")
	figures := terminal.Figures(number, 100)
	for at := range screen {
		found := 0
		for found < len(figures) && at+found < len(screen) && strings.TrimSpace(screen[at+found]) == strings.TrimSpace(figures[found]) {
			found++
		}
		if found == len(figures) {
			return true
		}
	}
	return false
}

// Refuse answers no; notMe says that the person did not ask for it.
func (w *World) Refuse(login string, notMe bool) error {
	p, err := w.OnPhone(login)
	if err != nil {
		return err
	}
	args := []string{"push", "deny", p.ID}
	if notMe {
		args = append(args, "--not-me")
	}
	w.Say("  phone   refuses")
	_, err = w.OnServer(args...)
	return err
}
