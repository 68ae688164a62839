package recovery

import (
	"errors"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// Result is what became of an attempt.
type Result int

// The results. Only Activated and Reused let anyone in.
const (
	Unavailable Result = iota // no secret is registered, or recovery is off
	NotAPIN                   // not nine digits: no attempt
	Mistyped                  // the check digit does not fit: no attempt
	Throttled                 // refused unread: Wait is left
	Wrong                     // a miss
	Expired                   // a PIN whose window is over: no miss
	Activated                 // a new PIN: its window is open
	Reused                    // the PIN of the open window
)

// Verdict is the answer to an attempt.
type Verdict struct {
	Result Result
	Method recoverypin.Method // of what was accepted
	Wait   time.Duration      // before the next attempt, with Throttled and Wrong
	Window time.Duration      // how long the window stays open, with Activated and Reused
	// OnlyDeviceCode says that timed PINs are refused: too many misses in a
	// row, or the time is not trusted.
	OnlyDeviceCode bool
}

// Accepted reports whether the attempt lets its user in.
func (v Verdict) Accepted() bool { return v.Result == Activated || v.Result == Reused }

// Try takes one attempt. inForce is DeviceRecoveryPINDuration. An error means
// that nothing was compared or that the answer could not be made to last: it
// lets nobody in.
func (v *Recovery) Try(guid, typed string, inForce time.Duration) (Verdict, error) {
	pin, err := recoverypin.ParsePIN(typed)
	switch {
	case errors.Is(err, recoverypin.ErrMistyped):
		return Verdict{Result: Mistyped}, nil
	case err != nil:
		return Verdict{Result: NotAPIN}, nil
	}
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil {
		return Verdict{}, err
	}
	now := v.time.Now()
	if rec.Current == nil && rec.Pending == nil && rec.Window == nil {
		return Verdict{Result: Unavailable}, nil
	}
	if left := now.Left(rec.Wait); left > 0 {
		return Verdict{Result: Throttled, Wait: left, OnlyDeviceCode: rec.onlyDeviceCode(now)}, nil
	}
	return v.attempt(guid, pin, rec, now, inForce)
}

func (r *record) onlyDeviceCode(now trustedtime.Reading) bool {
	return r.Misses >= missesUntilNoTimed || !now.Trusted()
}

// attempt counts, then compares, then says what came of it.
func (v *Recovery) attempt(guid string, pin recoverypin.PIN, before record, now trustedtime.Reading, inForce time.Duration) (Verdict, error) {
	counted := before
	wait := counted.countMiss(now)
	counted.codeMissed(now)
	held, err := v.count(guid, counted, wait)
	if err != nil {
		return Verdict{}, err
	}
	after, verdict := compare(pin, before, now, inForce)
	if verdict.Result == Wrong {
		after, verdict.Wait = counted, wait
	}
	verdict.OnlyDeviceCode = after.onlyDeviceCode(now)
	with := map[string][]byte{}
	for _, settle := range held {
		settle(with, verdict.Result == Wrong)
	}
	if err := v.stageAccepted(with, guid, after, verdict); err != nil {
		return Verdict{}, err
	}
	if err := v.save(guid, after, with); err != nil {
		for _, settle := range held {
			settle(nil, true) // the miss that it was counted as stands
		}
		return Verdict{}, err
	}
	return verdict, nil
}

// count puts the attempt on the disk as a miss, with the events of a miss: a
// process that is killed during the comparison has spent an attempt.
func (v *Recovery) count(guid string, counted record, wait time.Duration) ([]events.Settle, error) {
	with := map[string][]byte{}
	settle, err := v.journal.Hold(with, events.PINReject, guid, "misses", strconv.Itoa(counted.Misses))
	if err != nil {
		return nil, err
	}
	held := []events.Settle{settle}
	if wait > 0 {
		settle, err := v.journal.Hold(with, events.PINLock, guid, "misses", strconv.Itoa(counted.Misses), "wait_seconds", seconds(wait))
		if err != nil {
			return nil, err
		}
		held = append(held, settle)
	}
	if err := v.save(guid, counted, with); err != nil {
		for _, settle := range held {
			settle(map[string][]byte{}, false)
		}
		return nil, err
	}
	return held, nil
}

// compare is pure: what pin is to the record as it was before the attempt.
func compare(pin recoverypin.PIN, rec record, now trustedtime.Reading, inForce time.Duration) (record, Verdict) {
	if rec.Window != nil && pin.Equal(rec.Window.pin()) {
		if left, _ := rec.Window.left(now, inForce); left > 0 {
			rec.Wait = trustedtime.Wait{}
			return rec, Verdict{Result: Reused, Method: rec.Window.Method, Window: left}
		}
		return rec, Verdict{Result: Expired}
	}
	if match, of, ok := rec.match(pin, now); ok {
		rec.activate(match, of, now, inForce)
		left, _ := rec.Window.left(now, inForce)
		return rec, Verdict{Result: Activated, Method: match.Method, Window: left}
	}
	for _, ended := range rec.Ended {
		if pin.Equal(ended.pin()) {
			return rec, Verdict{Result: Expired}
		}
	}
	return rec, Verdict{Result: Wrong}
}

func (r *record) match(pin recoverypin.PIN, now trustedtime.Reading) (recoverypin.Match, secret, bool) {
	keys, of := r.secrets()
	check := recoverypin.Check{Secrets: keys, VoidUpTo: r.VoidUpTo, DeviceCode: r.outstanding(now)}
	if !r.onlyDeviceCode(now) {
		check.Now = now.Time
	}
	match, ok := recoverypin.Verify(pin, check)
	if !ok {
		return recoverypin.Match{}, secret{}, false
	}
	return match, of[match.Secret], true
}

// activate opens the window of a PIN that matched, voids every timed PIN up to
// now and the outstanding device code, and ends the streak of misses.
func (r *record) activate(match recoverypin.Match, of secret, now trustedtime.Reading, inForce time.Duration) {
	opened := &window{Method: match.Method, Key: of.Key, IssuedAt: match.IssuedAt,
		Opened: now.Time, From: now.Moment(), Trusted: now.Trusted(), Duration: inForce}
	if match.Method == recoverypin.ByDeviceCode {
		opened.Code = r.Code.Digits
	}
	r.end()
	r.Window = opened
	r.Misses, r.Wait = 0, trustedtime.Wait{}
	r.RotateUpTo = max(r.RotateUpTo, of.Generation)
	r.codeUsed(now)
	// now.Time is the floor while the time is not trusted: a wall clock that
	// was set ahead must not void the PINs of days to come.
	for _, t := range []time.Time{now.Time, match.IssuedAt} {
		if t.After(r.VoidUpTo) {
			r.VoidUpTo = t
		}
	}
}

func (v *Recovery) stageAccepted(with map[string][]byte, guid string, rec record, verdict Verdict) error {
	switch verdict.Result {
	case Activated:
		detail := []string{"method", verdict.Method.String(), "window_seconds", seconds(verdict.Window)}
		if verdict.Method == recoverypin.ByTime {
			// The server finds the issue by it; it gives nothing away without
			// the secret, and by now it is void.
			detail = append(detail, "issued_at", strconv.FormatInt(rec.Window.IssuedAt.Unix(), 10))
		} else {
			detail = append(detail, "device_code", rec.Window.Code)
		}
		return v.journal.Stage(with, events.PINActivate, guid, detail...)
	case Reused:
		return v.journal.Stage(with, events.PINReuse, guid, "method", verdict.Method.String(), "window_seconds", seconds(verdict.Window))
	case Expired:
		return v.journal.Stage(with, events.PINReject, guid, "reason", "expired")
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// FactorSucceeded ends the wait of an account that got in by another factor.
// The count of misses stays (recovery-pin-v1 §6).
func (v *Recovery) FactorSucceeded(guid string) error {
	return v.one(guid, func(_ string, rec *record, _ map[string][]byte) (bool, error) {
		waited := rec.Wait != trustedtime.Wait{}
		rec.Wait = trustedtime.Wait{}
		return waited, nil
	})
}
