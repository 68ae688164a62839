package trial

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// patience is how long a person waits for a screen.
const patience = 20 * time.Second

// Phone is the authenticator app, and the code that was read off it last.
type Phone struct {
	Key  totp.Key
	Code string
}

// Person sits at the login window.
type Person struct {
	*World
	Phone   *Phone
	session *authhost.Session
	ctx     context.Context
}

// acting is a person as a function.
type acting struct {
	world *World
	phone *Phone
	name  string // typed, with the password; "" where FileVault has passed it on
	play  func(*Person) error
}

// Play types name and password, then does what there is to do.
func (a acting) Play(ctx context.Context, s *authhost.Session) error {
	p := &Person{World: a.world, Phone: a.phone, session: s, ctx: ctx}
	if err := p.signsIn(a.name); err != nil {
		return err
	}
	if a.play == nil {
		return nil
	}
	if err := a.play(p); err != nil {
		return fmt.Errorf("%w\nthe screen was:\n%s", err, s.Text())
	}
	return nil
}

// signsIn types name and password, unless FileVault has passed them on.
func (p *Person) signsIn(name string) error {
	if name == "" {
		return nil
	}
	return errors.Join(p.types("Name", name), p.types("Password", p.World.Password))
}

// Login plays one login of the account with that name, alias or full name, and
// wants that end of it. A nil play does nothing after the password. Where the
// window is arranged with FileVault, nothing is typed before the play.
func (w *World) Login(name string, phone *Phone, want authhost.Result, play func(*Person) error) error {
	var steps bytes.Buffer
	o, err := w.Window(nil, nil)
	if err != nil {
		return err
	}
	if o.FileVault != nil {
		name = ""
	}
	o.Player = acting{world: w, phone: phone, name: name, play: play}
	o.Transcript = &steps
	outcome, err := authhost.Run(w.ctx, o)
	for _, line := range strings.Split(steps.String(), "\n") {
		if strings.Contains(line, "Latchkey:") || strings.Contains(line, "builtin:authenticate") {
			w.Say("  authd   %s", strings.TrimSpace(line))
		}
	}
	if err != nil {
		return err
	}
	w.Say("  result  %s", outcome)
	if outcome.Result != want {
		return fmt.Errorf("the login ended with %q, want %q\n%s", outcome.Result, want, steps.String())
	}
	return nil
}

// Sees waits for words on the screen and puts them on record.
func (p *Person) Sees(words string) error {
	if err := p.Waits(words); err != nil {
		return err
	}
	p.Say("  screen  %s", words)
	return nil
}

// Waits waits for words on the screen.
func (p *Person) Waits(words string) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := p.session.WaitForText(ctx, words); err != nil {
		return fmt.Errorf("wait for %q: %w", words, err)
	}
	return nil
}

// types waits for a prompt and answers it; what is typed is not on record.
func (p *Person) types(prompt, text string) error {
	if err := p.Waits(prompt); err != nil {
		return err
	}
	return errors.Join(p.session.Type(text), p.session.Press("enter"))
}

// Enters types into the field that has the focus and presses Return.
func (p *Person) Enters(what, text string) error {
	p.Say("  types   %s", what)
	return errors.Join(p.session.Type(text), p.session.Press("enter"))
}

// Presses presses keys, which do what is named.
func (p *Person) Presses(what string, keys ...string) error {
	p.Say("  presses %s", what)
	for _, k := range keys {
		if err := p.session.Press(k); err != nil {
			return err
		}
	}
	return nil
}

// Screen is the text on the screen now.
func (p *Person) Screen() string { return p.session.Text() }

// Reads finds a pattern on the screen and returns its first group without
// spaces.
func (p *Person) Reads(pattern string) (string, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.session.Text())
	if found == nil {
		return "", fmt.Errorf("nothing on the screen is like %q", pattern)
	}
	return strings.ReplaceAll(found[1], " ", ""), nil
}

// Leaves goes back to the password and away.
func (p *Person) Leaves() error {
	return Steps(
		func() error { return p.Presses("Back to the password", "esc") },
		func() error { return p.Sees("Name") },
		func() error { return p.Presses("Escape", "esc") },
	)
}

// Contacts opens Contact admin.
func (p *Person) Contacts() error {
	return Steps(
		func() error { return p.Waits("Contact admin") }, // a key before the screen goes nowhere
		func() error { return p.Presses("Contact admin", "f1") },
		func() error { return p.Sees("Contact your administrator") },
	)
}

// Accepted wants the screen after a good PIN, and answers its offer.
func (p *Person) Accepted(answer func() error) error {
	return Steps(func() error { return p.Sees("Recovery PIN accepted") }, answer)
}

// Chooses takes the entry of a list that has those words.
func (p *Person) Chooses(words string) error {
	if err := p.Waits(words); err != nil {
		return err
	}
	digit, err := p.Reads(`([1-9])  [^\n]*` + regexp.QuoteMeta(words))
	if err != nil {
		return err
	}
	return p.Presses(words, digit, "enter")
}

// Later puts the offer of a new factor off.
func (p *Person) Later() error { return p.Presses("Later", "l", "enter") }

// SetsUpCode takes the offer of a device access code, and does what SetsUp does.
func (p *Person) SetsUpCode() error {
	return Steps(func() error { return p.Chooses(": Device access code") }, p.SetsUp)
}

// SetsUp scans the QR code's key into the phone and types the first code.
func (p *Person) SetsUp() error {
	if err := p.Sees("Set up your device access code"); err != nil {
		return err
	}
	text, err := p.Reads(`((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})`)
	if err != nil {
		return err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		return err
	}
	if p.Phone.Key, err = totp.KeyFrom(raw); err != nil {
		return err
	}
	if err := p.Shot("enrolment"); err != nil {
		return err
	}
	return p.EntersCode()
}

// EntersCode types the code that the phone shows.
func (p *Person) EntersCode() error {
	p.Phone.Code = p.Phone.Key.Code(totp.Step(p.Clocks.Now()))
	return p.Enters("the code that the phone shows", p.Phone.Code)
}

// Shot keeps a picture of the screen, when pictures are wanted.
func (p *Person) Shot(name string) error {
	if p.options.Shots == "" {
		return nil
	}
	p.session.Settle(p.ctx, 300*time.Millisecond, 2*time.Second)
	f, err := os.Create(filepath.Join(p.options.Shots, name+".svg"))
	if err != nil {
		return err
	}
	return errors.Join(p.session.Screenshot(f), f.Close())
}

// Steps does one thing after the other, until one fails.
func Steps(list ...func() error) error {
	for _, f := range list {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
