package recovery

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// maxEnded is how many ended windows are remembered for each account.
const maxEnded = 4

// window is the time in which an activated PIN works again. It keeps its
// secret, for its PIN alone, whatever is rotated meanwhile.
type window struct {
	Method   recoverypin.Method `json:"method"`
	Key      []byte             `json:"key"`
	IssuedAt time.Time          `json:"issued_at"`             // of a timed PIN
	Code     string             `json:"device_code,omitempty"` // of a device-code PIN
	Opened   time.Time          `json:"opened"`                // trusted time, when Trusted
	From     trustedtime.Moment `json:"from"`
	Trusted  bool               `json:"trusted"`
	Duration time.Duration      `json:"duration"` // in force at activation
}

// pin makes the window's PIN again; nothing else of it is kept.
func (w window) pin() recoverypin.PIN {
	k := recoverypin.Secret(w.Key)
	if w.Method == recoverypin.ByTime {
		return recoverypin.Timed(k, w.IssuedAt)
	}
	code, err := recoverypin.ParseDeviceCode(w.Code)
	if err != nil {
		return recoverypin.PIN{}
	}
	return recoverypin.ForDeviceCode(k, code)
}

// left is how long the window stays open under the duration now in force: 0
// when it is over. ended says that it is over for good, and not only while the
// time is not trusted.
func (w window) left(now trustedtime.Reading, inForce time.Duration) (left time.Duration, ended bool) {
	duration := min(w.Duration, inForce)
	ran, sameBoot := now.Since(w.From)
	if sameBoot && ran >= duration {
		return 0, true
	}
	if !w.Trusted {
		// Opened without a time to believe: it runs on the continuous clock
		// alone, and a reboot, which that clock cannot see past, ends it.
		if !sameBoot {
			return 0, true
		}
		return duration - ran, false
	}
	if !now.Trusted() {
		return 0, false
	}
	if now.Time.Before(w.Opened.Add(-trustedtime.Tolerance)) {
		// Opened by a clock that was ahead and has been put right since: how
		// long ago that was, only the continuous clock of that boot can say.
		if !sameBoot {
			return 0, true
		}
		return duration - ran, false
	}
	left = duration - now.Time.Sub(w.Opened)
	if sameBoot {
		left = min(left, duration-ran)
	}
	return max(0, left), left <= 0
}

// end closes the window and remembers its PIN as expired.
func (r *record) end() {
	if r.Window == nil {
		return
	}
	r.Ended = append(r.Ended, *r.Window)
	if len(r.Ended) > maxEnded {
		r.Ended = r.Ended[len(r.Ended)-maxEnded:]
	}
	r.Window = nil
}

// Window is how long the account's window stays open, 0 when it is over, and
// when that is by trusted time (zero when the time is not trusted). inForce is
// DeviceRecoveryPINDuration.
func (v *Recovery) Window(guid string, inForce time.Duration) (left time.Duration, until time.Time, err error) {
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil || rec.Window == nil {
		return 0, time.Time{}, err
	}
	now := v.time.Now()
	left, _ = rec.Window.left(now, inForce)
	if left > 0 && now.Trusted() {
		until = now.Time.Add(left)
	}
	return left, until, nil
}

// Sweep closes the windows that are over, each with an event. The daemon calls
// it every minute.
func (v *Recovery) Sweep(inForce time.Duration) error {
	now := v.time.Now()
	return v.each(func(guid string, rec *record, with map[string][]byte) (bool, error) {
		if rec.Window == nil {
			return false, nil
		}
		if _, ended := rec.Window.left(now, inForce); !ended {
			return false, nil
		}
		rec.end()
		return true, v.journal.Stage(with, events.PINExpire, guid, "reason", "duration")
	})
}

// EndWindow closes the account's window for the reason given, if one is open.
func (v *Recovery) EndWindow(guid, reason string) error {
	return v.endWindow(guid, reason, func(window) bool { return true })
}

// EndWindowUpTo closes the account's window if it was opened until then. One
// that was opened without a trusted time is closed: it may be as old.
func (v *Recovery) EndWindowUpTo(guid, reason string, upTo time.Time) error {
	return v.endWindow(guid, reason, func(w window) bool { return !w.Trusted || !w.Opened.After(upTo) })
}

func (v *Recovery) endWindow(guid, reason string, meant func(window) bool) error {
	return v.one(guid, func(guid string, rec *record, with map[string][]byte) (bool, error) {
		if rec.Window == nil || !meant(*rec.Window) {
			return false, nil
		}
		rec.end()
		return true, v.journal.Stage(with, events.PINExpire, guid, "reason", reason)
	})
}
