package authhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// Credentials are a name as typed and a password.
type Credentials struct {
	Name     string
	Password []byte
}

// errCanceled: the person left the window that asks for name and password.
var errCanceled = errors.New("canceled")

// apple are the plug-ins of the system, which a list may name on any Mac.
func apple(plugin string) bool {
	switch plugin {
	case "builtin", "loginwindow", "PKINITMechanism", "HomeDirMechanism", "MCXMechanism", "CryptoTokenKit", "PSSOAuthPlugin":
		return true
	}
	return false
}

// stand stands in for a mechanism of the system: three have an effect, the
// others do nothing and say so.
func (e *engine) stand(ctx context.Context, _ int, m Mechanism) (step, error) {
	if !apple(m.Plugin) {
		return step{result: Undefined, by: "none", note: fmt.Sprintf("no plug-in %s (give it with --plugin %s=FILE)", m.Plugin, m.Plugin)}, nil
	}
	stands := map[string]func(context.Context) (step, error){
		"loginwindow:login": e.login, "builtin:forward-login": e.forwardLogin, "builtin:authenticate": e.authenticate,
	}
	run, has := stands[m.Plugin+":"+m.ID]
	if !has {
		return step{by: "no-op"}, nil
	}
	return e.beside(ctx, run)
}

// beside runs what may wait for a person while hosts are listened to.
func (e *engine) beside(ctx context.Context, run func(context.Context) (step, error)) (step, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var s step
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s, err = run(ctx)
	}()
	for {
		select {
		case <-ended:
			return s, err
		case ev := <-e.events:
			if again, wanted := e.note(ev); wanted {
				cancel()
				<-ended
				return step{interrupted: true, again: again}, nil
			}
		}
	}
}

// login stands in for the window that asks for name and password. With
// FileVault's pass-through it asks nothing in the first round.
func (e *engine) login(ctx context.Context) (step, error) {
	if e.passThrough != nil && e.forwards() {
		return step{by: "login window", note: "asks nothing: FileVault passes through"}, nil
	}
	return e.ask(ctx, step{by: "login window"})
}

// forwards reports whether the list has the mechanism that passes on what was
// typed for FileVault.
func (e *engine) forwards() bool {
	return slices.ContainsFunc(e.options.Right.Mechanisms, func(m Mechanism) bool {
		return m.Plugin == "builtin" && m.ID == "forward-login"
	})
}

func (e *engine) ask(ctx context.Context, s step) (step, error) {
	w := window{terminal: e.setting.terminal, computer: e.options.Computer, again: e.outcome.Rounds > 1}
	typed, err := w.ask(ctx)
	if errors.Is(err, errCanceled) {
		s.result, s.note = UserCanceled, "the person canceled"
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.hints, s.context = e.hints, maps.Clone(e.context)
	typed.into(s.context)
	clear(typed.Password)
	return s, nil
}

func (c Credentials) into(context values) {
	context.setText(keyUsername, flagExtractable, c.Name)
	context.setText(keyPassword, flagExtractable|flagVolatile, string(c.Password))
}

// forwardLogin passes on what was typed before the system started, once.
func (e *engine) forwardLogin(context.Context) (step, error) {
	s := step{by: "FileVault pass-through"}
	if e.passThrough == nil {
		s.by = "no-op"
		return s, nil
	}
	s.hints, s.context = e.hints, maps.Clone(e.context)
	s.context.setText(keyFVUser, flagExtractable, e.passThrough.Name)
	e.passThrough.into(s.context)
	e.passThrough = nil
	return s, nil
}

// authenticate checks name and password against the account file, and says
// who the user is: from here on a typed alias or full name no longer counts.
func (e *engine) authenticate(ctx context.Context) (step, error) {
	s := step{by: "account file", hints: e.hints, context: e.context}
	if _, asked := e.context[keyUsername]; !asked {
		var err error
		if s, err = e.ask(ctx, s); err != nil || s.result != Allow {
			return s, err
		}
	}
	password := []byte(s.context.text(keyPassword))
	defer clear(password)
	account, ok := e.options.Accounts.Authenticate(s.context.text(keyUsername), password)
	if !ok {
		s.result, s.note = Deny, "name or password is wrong"
		return s, nil
	}
	s.context = maps.Clone(s.context)
	identify(s.context, account)
	return s, nil
}

func identify(context values, account devaccounts.Account) {
	context.setText(keyUsername, flagExtractable, account.Name)
	context.setNumber(keyUID, flagExtractable, account.UID)
	context.setNumber(keyGID, flagExtractable, account.GID)
	context.setText(keyHome, flagExtractable, account.Home)
}

// environment are the hints that authd sets about the caller.
func (e *engine) environment() values {
	h := values{}
	h.setText("authorize-right", 0, e.options.Right.Name)
	h.setText("client-path", 0, "/System/Library/CoreServices/loginwindow.app/Contents/MacOS/loginwindow")
	h.setNumber("client-pid", 0, uint32(os.Getpid()))
	h.setNumber("client-uid", 0, 0)
	return h
}
