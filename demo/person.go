package main

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

// phone is the authenticator app, and the code that was read off it last.
type phone struct {
	key  totp.Key
	code string
}

// person sits at the login window.
type person struct {
	*world
	session *authhost.Session
	ctx     context.Context
}

// acting is a person as a function.
type acting struct {
	world *world
	name  string
	play  func(*person) error
}

// Play types name and password, then does what there is to do.
func (a acting) Play(ctx context.Context, s *authhost.Session) error {
	p := &person{world: a.world, session: s, ctx: ctx}
	if err := errors.Join(p.typed("Name", a.name), p.typed("Password", a.world.password)); err != nil {
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

// login plays one login and wants that end of it.
func (w *world) login(name string, want authhost.Result, play func(*person) error) error {
	var steps bytes.Buffer
	o := w.window(nil, acting{world: w, name: name, play: play})
	o.Transcript = &steps
	outcome, err := authhost.Run(w.ctx, o)
	for _, line := range strings.Split(steps.String(), "\n") {
		if strings.Contains(line, "Latchkey:") || strings.Contains(line, "builtin:authenticate") {
			w.say("  authd   %s", strings.TrimSpace(line))
		}
	}
	if err != nil {
		return err
	}
	w.say("  result  %s", outcome)
	if outcome.Result != want {
		return fmt.Errorf("the login ended with %q, want %q\n%s", outcome.Result, want, steps.String())
	}
	return nil
}

func (w *world) say(format string, args ...any) { fmt.Fprintf(w.out, format+"\n", args...) }

// sees waits for words on the screen and puts them on record.
func (p *person) sees(words string) error {
	if err := p.waits(words); err != nil {
		return err
	}
	p.say("  screen  %s", words)
	return nil
}

func (p *person) waits(words string) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := p.session.WaitForText(ctx, words); err != nil {
		return fmt.Errorf("wait for %q: %w", words, err)
	}
	return nil
}

// typed waits for a prompt and answers it; what is typed is not on record.
func (p *person) typed(prompt, text string) error {
	if err := p.waits(prompt); err != nil {
		return err
	}
	return errors.Join(p.session.Type(text), p.session.Press("enter"))
}

// enters types into the field that has the focus and presses Return.
func (p *person) enters(what, text string) error {
	p.say("  types   %s", what)
	return errors.Join(p.session.Type(text), p.session.Press("enter"))
}

func (p *person) presses(what string, keys ...string) error {
	p.say("  presses %s", what)
	for _, k := range keys {
		if err := p.session.Press(k); err != nil {
			return err
		}
	}
	return nil
}

// reads finds a pattern on the screen and returns its first group without
// spaces.
func (p *person) reads(pattern string) (string, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.session.Text())
	if found == nil {
		return "", fmt.Errorf("nothing on the screen is like %q", pattern)
	}
	return strings.ReplaceAll(found[1], " ", ""), nil
}

// leaves goes back to the password and away.
func (p *person) leaves() error {
	if err := p.presses("Back to the password", "esc"); err != nil {
		return err
	}
	if err := p.sees("Name"); err != nil {
		return err
	}
	return p.presses("Escape", "esc")
}

// setsUp scans the QR code's key into the phone and types the first code.
func (p *person) setsUp() error {
	if err := p.sees("Set up your device access code"); err != nil {
		return err
	}
	text, err := p.reads(`((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})`)
	if err != nil {
		return err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		return err
	}
	if p.phone.key, err = totp.KeyFrom(raw); err != nil {
		return err
	}
	if err := p.shot("enrolment"); err != nil {
		return err
	}
	return p.entersCode()
}

func (p *person) entersCode() error {
	p.phone.code = p.phone.key.Code(totp.Step(p.clocks.now()))
	return p.enters("the code that the phone shows", p.phone.code)
}

// shot keeps a picture of the screen, when pictures are wanted.
func (p *person) shot(name string) error {
	if p.shots == "" {
		return nil
	}
	p.session.Settle(p.ctx, 300*time.Millisecond, 2*time.Second)
	f, err := os.Create(filepath.Join(p.shots, name+".svg"))
	if err != nil {
		return err
	}
	return errors.Join(p.session.Screenshot(f), f.Close())
}

// steps does one thing after the other, until one fails.
func steps(list ...func() error) error {
	for _, f := range list {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
