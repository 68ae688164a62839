package authhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// Options say what is evaluated and who sits at the keyboard.
type Options struct {
	Right     Right
	Plugins   map[string]string // files of plug-ins by name
	Host      string            // the latchkey-host program
	Accounts  *devaccounts.File // for builtin:authenticate
	FileVault *Credentials      // passed through in the first round; nil for none
	Computer  string            // shown above name and password
	Env       []string          // of host processes; nil for that of this process

	Terminal *os.File // where a person sits; unused with a Player, nil for none
	Player   Player   // plays the person on an emulated terminal; nil for none
	Width    int      // of the emulated terminal in cells, 0 for 80
	Height   int      // of the emulated terminal in cells, 0 for 24

	// Patience is how long the evaluation may go on when the Player has no
	// more to play; 0 for 30 s.
	Patience time.Duration

	Transcript io.Writer // each step is printed here; nil for nowhere
	HostsSay   io.Writer // what host processes print where there is no terminal; nil for nowhere
}

// Player plays the person at the login window.
type Player interface {
	// Play ends when there is no more to do. An error ends the evaluation.
	Play(ctx context.Context, s *Session) error
}

// Session is what a Player sees of the evaluation: the terminal, which stays
// readable after the end, and the outcome.
type Session struct {
	*tty.Terminal
	ended   chan struct{}
	outcome Outcome
}

// Outcome waits for the end of the evaluation.
func (s *Session) Outcome(ctx context.Context) (Outcome, error) {
	select {
	case <-s.ended:
		return s.outcome, nil
	case <-ctx.Done():
		return nobody(), ctx.Err()
	}
}

// PlayError is why a Player gave up.
type PlayError struct{ Err error }

func (e *PlayError) Error() string { return e.Err.Error() }

// Unwrap is the Player's own error.
func (e *PlayError) Unwrap() error { return e.Err }

var errImpatient = errors.New("all was played, and the login window still waits")

// Run evaluates the right once. An error means that the evaluation could not
// be made or was ended from outside: a *PlayError when the Player gave up, the
// error of ctx when that ended.
func Run(ctx context.Context, o Options) (Outcome, error) {
	if err := o.complete(); err != nil {
		return nobody(), err
	}
	if o.Player == nil {
		return o.evaluate(ctx, hostSetting{path: o.Host, terminal: o.Terminal, env: o.Env, said: o.hostsSay()})
	}
	terminal, err := tty.Open(o.Width, o.Height)
	if err != nil {
		return nobody(), err
	}
	defer terminal.Close()
	return o.played(ctx, &Session{Terminal: terminal, ended: make(chan struct{})})
}

// nobody is the outcome of what was not evaluated: the zero Outcome would say
// that someone is in.
func nobody() Outcome { return Outcome{Result: Undefined, Cause: "not evaluated to its end"} }

func (o *Options) complete() error {
	if o.Accounts == nil {
		o.Accounts = &devaccounts.File{} // nobody: builtin:authenticate denies
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Transcript == nil {
		o.Transcript = io.Discard
	}
	o.Width, o.Height = orElse(o.Width, 80), orElse(o.Height, 24)
	o.Patience = orElse(o.Patience, 30*time.Second)
	for name, path := range o.Plugins {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("plug-in %s: %w", name, err)
		}
		o.Plugins[name] = absolute
	}
	return nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// hostsSay is where hosts print, one at a time: there are two of them.
func (o Options) hostsSay() io.Writer {
	if o.HostsSay == nil {
		return nil
	}
	return &oneAtATime{to: o.HostsSay}
}

type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneAtATime) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// played runs the evaluation with the Player at the keyboard of s.
func (o Options) played(ctx context.Context, s *Session) (Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var failed error
	go func() {
		defer close(s.ended)
		setting := hostSetting{path: o.Host, terminal: s.File(), emulated: true, env: emulatedEnv(o.Env)}
		s.outcome, failed = o.evaluate(ctx, setting)
		s.Finish()
	}()
	played := o.Player.Play(ctx, s)
	if played == nil {
		played = o.waitOut(ctx, s)
	}
	if played != nil {
		cancel(played)
	}
	<-s.ended
	if failed != nil && !errors.Is(failed, context.Canceled) || played == nil {
		// Why the evaluation could not be made explains what the Player missed.
		return s.outcome, failed
	}
	return s.outcome, &PlayError{played}
}

func (o Options) waitOut(ctx context.Context, s *Session) error {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	if _, err := s.Outcome(ctx); err != nil {
		return fmt.Errorf("%w; the screen:\n%s", errImpatient, s.Text())
	}
	return nil
}

// emulatedEnv says what the emulated terminal can do.
func emulatedEnv(env []string) []string {
	return append([]string{"TERM=xterm-256color", "COLORTERM=truecolor"}, withoutTerm(env)...)
}

func withoutTerm(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, entry := range env {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "TERM", "COLORTERM", "TERM_PROGRAM", "TMUX", "STY":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

func (o Options) evaluate(ctx context.Context, s hostSetting) (Outcome, error) {
	e := &engine{options: o, setting: s, log: &transcript{out: o.Transcript},
		events: make(chan event), done: make(chan struct{}),
		hosts: map[bool]*host{}, instances: map[string]*instance{}, hints: values{}, context: values{}, outcome: nobody()}
	if o.FileVault != nil {
		e.passThrough = &Credentials{o.FileVault.Name, append([]byte(nil), o.FileVault.Password...)}
	}
	e.log.line("right %s, %d mechanisms", o.Right.Name, len(o.Right.Mechanisms))
	err := e.evaluate(ctx)
	e.close()
	if err != nil {
		e.log.line("not evaluated to its end")
		return nobody(), err
	}
	e.log.line("%s", e.outcome)
	return e.outcome, nil
}

// String is the end of the transcript.
func (o Outcome) String() string {
	switch {
	case o.Result != Allow:
		return fmt.Sprintf("no login: %s, %s", o.Result, o.Cause)
	case o.User == "":
		return "login, but no user in the context: authd makes no session"
	}
	return fmt.Sprintf("login: %s, uid %d", o.User, o.UID)
}
