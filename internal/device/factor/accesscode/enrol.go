package accesscode

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Enrol implements factor.Enroller: a QR code, and the first code typed back.
// That code counts as used.
func (a *AccessCode) Enrol(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	if !a.time.Now().Trusted() {
		return factor.Outcome{Result: factor.Declined, Note: textClock}, nil
	}
	if _, room := a.Count(account); !room {
		return factor.Outcome{Result: factor.Declined, Note: textFull}, nil
	}
	key, err := totp.NewKey(rand.Reader)
	if err != nil {
		return factor.Outcome{}, fmt.Errorf("make an access code key: %w", err)
	}
	screen := enrolScreen(a.org(), a.device(), account, key)
	for {
		act, err := ask(ctx, screen)
		if err != nil {
			return factor.Outcome{}, err
		}
		screen.Note = &wire.Note{Level: wire.LevelError, Text: textFirstWrong}
		code, err := totp.ParseCode(act.Values["code"])
		if err != nil {
			screen.Note.Text = textNotACode
			continue
		}
		// No lock-out here: the key was made a moment ago, and whoever guesses
		// its code has gained nothing but that key on this account, which the
		// engine let them set up anyway.
		step, ok := key.Match(code, a.time.Now().Time, drift, 0)
		if !ok {
			continue
		}
		if err := a.enrol(account.GUID, key, step); err != nil {
			return factor.Outcome{}, err
		}
		return factor.Outcome{Result: factor.Enrolled, Note: textEnrolled}, nil
	}
}

// minutes is a wait as people say it, rounded up.
func minutes(d time.Duration) string {
	if d <= time.Minute {
		return fmt.Sprintf("%d seconds", max(1, int((d+time.Second-1)/time.Second)))
	}
	return fmt.Sprintf("%d minutes", int((d+time.Minute-1)/time.Minute))
}
