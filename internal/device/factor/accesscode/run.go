package accesscode

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

var (
	_ factor.Factor   = (*AccessCode)(nil)
	_ factor.Enroller = (*AccessCode)(nil)
)

// Ready implements factor.Factor.
func (a *AccessCode) Ready(_ context.Context, account factor.Account) (bool, factor.Reason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(account.GUID)
	if err != nil {
		// An account whose record cannot be read may well have the factor:
		// saying that it has none would open the way to setting up another.
		return true, textUnreadable
	}
	if !rec.enrolled() {
		return false, ""
	}
	return true, a.blocked(rec, a.time.Now())
}

// blocked says why no code is taken now.
func (a *AccessCode) blocked(rec record, now trustedtime.Reading) factor.Reason {
	switch left := now.Left(rec.Wait); {
	case !now.Trusted():
		return textClock
	case rec.Misses >= missesUntilShut:
		return textShut
	case left > 0:
		return factor.Reason(fmt.Sprintf(textWait, minutes(left)))
	}
	return ""
}

// Run implements factor.Factor.
func (a *AccessCode) Run(ctx context.Context, account factor.Account, ask factor.Ask) (factor.Outcome, error) {
	screen := codeScreen(a.device())
	for {
		act, err := ask(ctx, screen)
		if err != nil {
			return factor.Outcome{}, err
		}
		verdict, err := a.try(account.GUID, act.Values["code"])
		switch {
		case err != nil:
			return factor.Outcome{}, err
		case verdict.ok:
			return factor.Outcome{Result: factor.Verified}, nil
		case verdict.blocked != "":
			return factor.Outcome{Result: factor.Declined, Note: string(verdict.blocked)}, nil
		}
		screen.Note = &wire.Note{Level: wire.LevelError, Text: verdict.note}
	}
}

// verdict is the answer to one code. blocked ends the run; note asks again.
type verdict struct {
	ok      bool
	note    string
	blocked factor.Reason
}

// try takes one code. An error means that nothing was compared or that the
// answer could not be made to last.
func (a *AccessCode) try(guid, typed string) (verdict, error) {
	code, err := totp.ParseCode(typed)
	if err != nil {
		return verdict{note: textNotACode}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil {
		return verdict{}, err
	}
	now := a.time.Now()
	if !rec.enrolled() {
		return verdict{blocked: textGone}, nil // removed while its screen was open
	}
	if reason := a.blocked(rec, now); reason != "" {
		return verdict{blocked: reason}, nil
	}
	return a.attempt(guid, code, rec, now)
}

// attempt counts on the disk, then compares, then says what came of it.
func (a *AccessCode) attempt(guid, code string, before record, now trustedtime.Reading) (verdict, error) {
	counted := before
	wait := counted.countMiss(now)
	missed, locked, err := a.count(guid, counted, wait)
	if err != nil {
		return verdict{}, err
	}
	found, step, used, err := before.match(code, now.Time)
	if err != nil {
		return verdict{}, a.orMissed(err, missed, locked)
	}
	ok, with := found >= 0, map[string][]byte{}
	missed(with, !ok && !used)
	locked(with, !ok)
	switch {
	case ok:
		before.Phones = slices.Clone(before.Phones)
		before.Phones[found].LastStep, before.Misses, before.Wait = step, 0, trustedtime.Wait{}
		return verdict{ok: true}, a.orMissed(a.save(guid, before, with), missed, locked)
	case used:
		// A code of this phone that was used already: refused, but whoever
		// types it holds the phone or looked over a shoulder. It counts.
		if err := a.journal.Stage(with, events.FactorReject, guid, "kind", Kind, "reason", "replayed", "misses", strconv.Itoa(counted.Misses)); err != nil {
			return verdict{}, err
		}
		return counted.refusal(wait, textUsed), a.orMissed(a.save(guid, counted, with), missed, locked)
	}
	return counted.refusal(wait, textWrong), nil
}

// orMissed lets the events of a miss stand where what came of the attempt could
// not be kept: then the miss that it was counted as stands, too.
func (a *AccessCode) orMissed(err error, held ...events.Settle) error {
	if err != nil {
		for _, settle := range held {
			settle(nil, true)
		}
	}
	return err
}

func (r record) refusal(wait time.Duration, note string) verdict {
	switch {
	case r.Misses >= missesUntilShut:
		return verdict{blocked: textShut}
	case wait > 0:
		return verdict{blocked: factor.Reason(fmt.Sprintf(textWait, minutes(wait)))}
	}
	return verdict{note: note}
}

// count puts the attempt on the disk as a miss, with the events of a miss and
// of the lock-out that it brings, to be settled after the comparison.
func (a *AccessCode) count(guid string, counted record, wait time.Duration) (missed, locked events.Settle, err error) {
	with, misses := map[string][]byte{}, strconv.Itoa(counted.Misses)
	missed, err = a.journal.Hold(with, events.FactorReject, guid, "kind", Kind, "reason", "wrong", "misses", misses)
	if err != nil {
		return nil, nil, err
	}
	locked = func(map[string][]byte, bool) {}
	if wait > 0 {
		locked, err = a.journal.Hold(with, events.FactorLock, guid, "kind", Kind, "misses", misses, "wait_seconds", strconv.Itoa(int(wait/time.Second)))
		if err != nil {
			return nil, nil, err
		}
	}
	if err := a.save(guid, counted, with); err != nil {
		missed(map[string][]byte{}, false)
		locked(map[string][]byte{}, false)
		return nil, nil, err
	}
	return missed, locked, nil
}
