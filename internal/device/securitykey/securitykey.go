package securitykey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
)

// lookEvery is how often it is looked which keys are plugged in.
const lookEvery = 250 * time.Millisecond

// Verification says whether a key has to make sure of its person itself, by a
// PIN or a finger (WebAuthn, UserVerificationRequirement).
type Verification int

// The wishes.
const (
	Discouraged Verification = iota
	Preferred                // where the key can
	Required
)

// VerificationOf is the wish by its name in WebAuthn; an unknown one is
// Preferred, as there.
func VerificationOf(name string) Verification {
	switch name {
	case "required":
		return Required
	case "discouraged":
		return Discouraged
	}
	return Preferred
}

// Ports are where keys are plugged in.
type Ports interface {
	Ports(ctx context.Context) ([]hid.Port, error)
	Open(ctx context.Context, port hid.Port) (ctap.Channel, error)
}

// Use is what a key is wanted for.
type Use struct {
	RPID       string
	Verify     Verification
	Permission ctap.Permission
	// Touch and Again are titles: of the screens that ask for the key, and of the
	// one after it did not work. They differ, so that a panel sets the focus anew.
	Touch, Again string
	// Do has the key sign. verified says that the key is to be told to verify
	// its person by itself, where there is no token. Its error is looked at as
	// the key's; a *Rejected says itself what it means.
	Do func(ctx context.Context, key *ctap.Key, with With) error
	// Refused makes the event of a try that failed.
	Refused func(reason string) error
}

// With is what goes with a command to the key.
type With struct {
	Token    *ctap.Token // nil without verification, or where the key does it alone
	UV       bool        // the key does it alone
	Verified bool        // it is verified, in either way
}

// Rejected is an answer of a key that is in order, and of no use: the person
// can try another one.
type Rejected struct {
	Reason string // of the event
	Note   string // for the person
}

func (r *Rejected) Error() string { return "the key's answer is of no use: " + r.Reason }

// Keys asks people for keys. Both fields are needed.
type Keys struct {
	Ports  Ports
	Report func(doing string, err error)
}

// Run asks for a key until Do has succeeded with one, or the person goes another
// way. An error is the end of ctx, or ours.
func (k *Keys) Run(ctx context.Context, ask factor.Ask, use Use) error {
	r := &run{Keys: k, ask: ask, use: use}
	told := ""
	for {
		err := r.once(ctx, told)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		var ours *ownError
		if errors.As(err, &ours) {
			return ours.err
		}
		m := meaningOf(err)
		if m.reason == reasonUnknown {
			k.Report("use a security key", err)
		}
		if err := use.Refused(m.reason); err != nil {
			return err
		}
		if told, err = r.goOn(ctx, m); err != nil {
			return err
		}
	}
}

// once is one try with one key.
func (r *run) once(ctx context.Context, told string) error {
	key, err := r.choose(ctx, told)
	if err != nil {
		return err
	}
	defer key.Close() //nolint:errcheck // what was signed is signed
	return r.with(ctx, key)
}

// ownError is an error that is no key's.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }

// Ours marks an error of Do that is no key's, so that no key is blamed for it.
// Nil stays nil.
func Ours(err error) error {
	if err == nil {
		return nil
	}
	return &ownError{err}
}

func (e *ownError) Unwrap() error { return e.err }

// run is one run of a person with keys.
type run struct {
	*Keys
	ask factor.Ask
	use Use

	port hid.Port // that was chosen last
}

// goOn leads to the next try, and says what the next screen is to tell.
func (r *run) goOn(ctx context.Context, m meaning) (told string, err error) {
	switch m.then {
	case insertAgain:
		return m.note, r.gone(ctx, m.note)
	case atOnce:
		return m.note, nil
	}
	_, err = r.ask(ctx, againScreen(r.use.Again, m.note))
	return "", err
}

// gone waits until the key is pulled out.
func (r *run) gone(ctx context.Context, note string) error {
	if _, err := r.ask(ctx, pullScreen(r.use.Again, note)); err != nil {
		return err
	}
	return r.look(ctx, func(ports []hid.Port) bool { return !holds(ports, r.port) })
}

func holds(ports []hid.Port, port hid.Port) bool {
	for _, p := range ports {
		if p.Name == port.Name {
			return true
		}
	}
	return false
}

// look looks at what is plugged in until it is as wanted.
func (r *run) look(ctx context.Context, wanted func(ports []hid.Port) bool) error {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		ports, err := r.Ports.Ports(ctx)
		if err != nil {
			return fmt.Errorf("look for security keys: %w", err)
		}
		if wanted(ports) {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
