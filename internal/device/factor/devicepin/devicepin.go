package devicepin

import (
	"context"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// Kinds of the two screens. Neither stands in AllowedFactors: the recovery PIN
// is outside that list (design §5).
const (
	KindContact = "recovery_pin"
	KindWindow  = "recovery_pin_window"
)

// Checker is what package recovery does for the screens.
type Checker interface {
	Try(guid, typed string, inForce time.Duration) (recovery.Verdict, error)
	DeviceCode(guid string) (code recoverypin.DeviceCode, left, wait time.Duration, err error)
}

// Desk is whom to call and what to tell them, and the policy's duration.
type Desk struct {
	Computer, Model, Serial string
	AdminEmail, AdminPhone  string
	Duration                time.Duration // DeviceRecoveryPINDuration
	// Unavailable says why no PIN can be made for this Mac; "" when one can.
	Unavailable string
}

// Screens makes both factors. desk is asked anew for each screen, since the
// policy can change while it is shown.
type Screens struct {
	Checker Checker
	Desk    func(guid string) Desk
}

// Contact is the factor behind Contact admin.
func (s Screens) Contact() factor.Factor { return pin{s, true} }

// Window is the factor for the PIN of an open window.
func (s Screens) Window() factor.Factor { return pin{s, false} }

type pin struct {
	Screens
	contact bool
}

// Ready implements factor.Factor. The engine knows about windows itself, and
// Contact admin is on every screen.
func (pin) Ready(context.Context, factor.Account) (bool, factor.Reason) { return true, "" }

// Run implements factor.Factor.
func (p pin) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	var note *wire.Note
	for {
		screen, err := p.screen(account.GUID)
		if err != nil {
			return factor.Outcome{}, err
		}
		screen.Note = note
		act, err := ask(ctx, screen)
		if err != nil {
			return factor.Outcome{}, err
		}
		verdict, err := p.Checker.Try(account.GUID, act.Values["pin"], p.Desk(account.GUID).Duration)
		if err != nil {
			return factor.Outcome{}, err
		}
		if verdict.Accepted() {
			return factor.Outcome{Result: factor.Verified, Note: accepted(verdict)}, nil
		}
		note = &wire.Note{Level: wire.LevelError, Text: refused(verdict)}
	}
}

func (p pin) screen(guid string) (wire.Screen, error) {
	desk := p.Desk(guid)
	if !p.contact {
		return windowScreen(), nil
	}
	code, _, wait, err := p.Checker.DeviceCode(guid)
	if err != nil {
		return wire.Screen{}, err
	}
	return contactScreen(desk, code, wait), nil
}
