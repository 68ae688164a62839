package securitykey

import (
	"context"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// with verifies the person by the key as far as it is wanted, and has it sign.
func (r *run) with(ctx context.Context, key *ctap.Key) error {
	way, err := wayOf(key.Info(), r.use.Verify)
	if err != nil {
		return err
	}
	with := With{Verified: way != byTouch, UV: way == byItself}
	switch way {
	case byPIN:
		if with.Token, err = r.byPIN(ctx, key); err != nil {
			return err
		}
	case byFinger:
		with.Token, err = r.byFinger(ctx, key)
		if errors.Is(err, ctap.ErrUVBlocked) && pinOpens(key.Info()) { // which opens the sensor again
			with.Token, err = r.byPIN(ctx, key)
		}
		if err != nil {
			return err
		}
	}
	if _, err := r.ask(ctx, touchScreen(r.use.Touch, way == byItself)); err != nil {
		return Ours(err)
	}
	return r.use.Do(ctx, key, with)
}

// way is how a key verifies its person.
type way int

const (
	byTouch  way = iota // not at all
	byPIN               // typed here
	byFinger            // on the key, for a token
	byItself            // on the key, with the command: keys of CTAP 2.0
)

// wayOf chooses. The key's own sensor goes before its PIN, as it has no try that
// somebody could look at.
func wayOf(info ctap.Info, want Verification) (way, error) {
	switch {
	case want == Discouraged && !info.AlwaysUV:
		return byTouch, nil
	case info.ForcePINChange:
		return 0, errChangePIN
	case info.UVConfigured && info.PINUVAuthToken:
		return byFinger, nil
	case info.UVConfigured:
		return byItself, nil
	case pinOpens(info):
		return byPIN, nil
	case want == Required || info.AlwaysUV:
		return 0, errNoVerification
	}
	return byTouch, nil
}

// pinOpens: a PIN is set, and it alone unlocks credentials.
func pinOpens(info ctap.Info) bool { return info.PINSet && !info.NoPINForCredentials }

func (r *run) byFinger(ctx context.Context, key *ctap.Key) (*ctap.Token, error) {
	if _, err := r.ask(ctx, touchScreen(r.use.Touch, true)); err != nil {
		return nil, Ours(err)
	}
	token, err := key.UnlockBuiltIn(ctx, r.use.Permission, r.use.RPID, nil)
	return &token, err
}

// byPIN asks for the PIN until it is right. How many tries are left is the
// key's to count, and is said before each.
func (r *run) byPIN(ctx context.Context, key *ctap.Key) (*ctap.Token, error) {
	note := ""
	for {
		left, err := key.PINRetries(ctx)
		switch {
		case err != nil:
			return nil, err
		case left.Left == 0:
			return nil, ctap.ErrPINBlocked
		case left.PowerCycle:
			return nil, ctap.ErrPINAuthBlocked
		}
		act, err := r.ask(ctx, pinScreen(left.Left, note))
		if err != nil {
			return nil, Ours(err)
		}
		token, err := key.UnlockPIN(ctx, act.Values["pin"], r.use.Permission, r.use.RPID)
		switch {
		case errors.Is(err, ctap.ErrPINLength):
			note = textUnfitPIN // the key has not seen it
			continue
		case !errors.Is(err, ctap.ErrPINInvalid):
			return &token, err
		}
		if err := r.use.Refused(reasonPIN); err != nil {
			return nil, Ours(err)
		}
		note = textWrongPIN
	}
}
