package script

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// How long a step waits when the script does not say.
const (
	waitFor    = 10 * time.Second // wait-for, capture
	waitExpect = 2 * time.Second  // expect, absent: the screen may still be drawing
	waitEnd    = 30 * time.Second // outcome
	quiet      = 200 * time.Millisecond
	settle     = time.Second // at most, for what never is quiet
)

// Player plays a script.
type Player struct {
	Script *Script
	Now    func() time.Time // for type-totp

	variables map[string]string
}

var _ authhost.Player = (*Player)(nil)

// Play plays all steps in turn. Its error is an *Error that holds the screen
// as it was.
func (p *Player) Play(ctx context.Context, s *authhost.Session) error {
	p.variables = map[string]string{}
	for _, st := range p.Script.steps {
		if err := p.step(ctx, s, st); err != nil {
			return &Error{p.Script.name, st.line, fmt.Errorf("%s\n%w\nthe screen:\n%s", st.text, err, framed(s.Text()))}
		}
	}
	return nil
}

func (p *Player) step(ctx context.Context, s *authhost.Session, st step) error {
	switch st.verb {
	case "wait-for":
		return wait(ctx, s, or(st.wait, waitFor), st.seen, "was not shown")
	case "expect":
		return wait(ctx, s, or(st.wait, waitExpect), st.seen, "is not shown")
	case "absent":
		return wait(ctx, s, or(st.wait, waitExpect), func(text string) bool { return !st.seen(text) }, "is still shown")
	case "type":
		if st.variable != "" {
			return s.Type(p.variables[st.variable])
		}
		return s.Type(st.argument)
	case "type-totp":
		return p.typeCode(s, st.variable)
	case "key":
		return s.Press(st.argument)
	case "capture":
		return p.capture(ctx, s, st)
	case "screenshot":
		return screenshot(ctx, s, st.argument)
	}
	return outcome(ctx, s, st)
}

func or(wait, otherwise time.Duration) time.Duration {
	if wait == 0 {
		return otherwise
	}
	return wait
}

func wait(ctx context.Context, s *authhost.Session, limit time.Duration, fits func(string) bool, failed string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.WaitFor(ctx, fits)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s within %v", failed, limit)
	}
	if errors.Is(err, tty.ErrEnded) {
		return fmt.Errorf("%s, and the login window is gone", failed)
	}
	return err
}

func (st step) seen(text string) bool {
	if st.pattern == nil {
		return tty.Shows(text, st.argument)
	}
	return st.pattern.MatchString(text) || st.pattern.MatchString(tty.Flat(text))
}

// capture keeps what the group of the pattern matches.
func (p *Player) capture(ctx context.Context, s *authhost.Session, st step) error {
	var found []string
	err := wait(ctx, s, or(st.wait, waitFor), func(text string) bool {
		if found = st.pattern.FindStringSubmatch(text); found == nil {
			found = st.pattern.FindStringSubmatch(tty.Flat(text))
		}
		return found != nil
	}, "was not shown")
	if err == nil {
		p.variables[st.variable] = strings.TrimSpace(found[1])
	}
	return err
}

// typeCode types the code of now for a secret in base32, as an authenticator
// app shows it.
func (p *Player) typeCode(s *authhost.Session, variable string) error {
	text := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\n", "", "=", "").Replace(p.variables[variable]))
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		return fmt.Errorf("$%s is no secret in base32", variable)
	}
	key, err := totp.KeyFrom(secret)
	if err != nil {
		return fmt.Errorf("$%s: %w", variable, err)
	}
	return s.Type(key.Code(totp.Step(p.Now())))
}

func screenshot(ctx context.Context, s *authhost.Session, path string) (err error) {
	s.Settle(ctx, quiet, settle)
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("the picture was not written: %w", err)
	}
	return errors.Join(s.Screenshot(file), file.Close())
}

func outcome(ctx context.Context, s *authhost.Session, st step) error {
	limit := or(st.wait, waitEnd)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := s.Outcome(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the evaluation did not end within %v", limit)
	}
	if err != nil {
		return err
	}
	names := map[authhost.Result]string{authhost.Allow: "login", authhost.Deny: "denied", authhost.UserCanceled: "canceled", authhost.Undefined: "undefined"}
	if got := names[out.Result]; got != st.argument {
		return fmt.Errorf("the outcome is %s (%s)", got, out)
	}
	return nil
}

// framed sets the screen off from the message.
func framed(text string) string { return "  | " + strings.ReplaceAll(text, "\n", "\n  | ") }
