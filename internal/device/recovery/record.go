package recovery

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/lockout"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// record is all that is kept of one account. It is sealed by the store.
type record struct {
	Current    *secret `json:"current,omitempty"`
	Pending    *secret `json:"pending,omitempty"`
	Generation uint64  `json:"generation"` // the highest one ever used
	// RotateUpTo is the highest generation that has to be replaced: a PIN of it
	// was activated, or the server asked. One that waits for the server's answer
	// meanwhile may be among them.
	RotateUpTo uint64 `json:"rotate_up_to,omitempty"`

	Misses   int              `json:"misses,omitempty"` // in a row
	Wait     trustedtime.Wait `json:"wait"`
	VoidUpTo time.Time        `json:"void_up_to"` // timed PINs up to here are void

	Window *window  `json:"window,omitempty"`
	Ended  []window `json:"ended,omitempty"` // the last few, to tell 'expired' from 'wrong'

	Code            *deviceCode      `json:"code,omitempty"`
	CodePause       trustedtime.Wait `json:"code_pause"`        // before the next code
	CodePauseLength time.Duration    `json:"code_pause_length"` // of the last pause after misses
}

// check refuses a record that this package did not write: a key of another
// length would end the process, and a count below zero would be more attempts.
func (r *record) check() error {
	var keys [][]byte
	for _, s := range []*secret{r.Current, r.Pending} {
		if s != nil {
			keys = append(keys, s.Key)
		}
	}
	windows := r.Ended
	if r.Window != nil {
		windows = append(windows[:len(windows):len(windows)], *r.Window)
	}
	for _, w := range windows {
		keys = append(keys, w.Key)
	}
	for _, k := range keys {
		if len(k) != recoverypin.SecretSize {
			return fmt.Errorf("a secret of %d bytes, want %d", len(k), recoverypin.SecretSize)
		}
	}
	if r.Misses < 0 || r.Code != nil && r.Code.Misses < 0 {
		return errors.New("a number of misses below zero")
	}
	return nil
}

// secret is a key with its number.
type secret struct {
	Generation uint64    `json:"generation"`
	Key        []byte    `json:"key"`
	Since      time.Time `json:"since"` // when the server confirmed it, by trusted time
}

func (s secret) key() recoverypin.Secret { return recoverypin.Secret(s.Key) }

func (s secret) keyID() string {
	id := s.key().KeyID()
	return hex.EncodeToString(id[:])
}

// deviceCode is the outstanding one.
type deviceCode struct {
	Digits string             `json:"digits"`
	From   trustedtime.Moment `json:"from"`
	Misses int                `json:"misses"`
}

// secrets are those that a new PIN may be made with.
func (r *record) secrets() (keys []recoverypin.Secret, of []secret) {
	for _, s := range []*secret{r.Current, r.Pending} {
		if s != nil {
			keys, of = append(keys, s.key()), append(of, *s)
		}
	}
	return keys, of
}

// countMiss counts one more attempt and says how long the next has to wait.
func (r *record) countMiss(now trustedtime.Reading) (wait time.Duration) {
	r.Misses++
	if wait = lockout.After(r.Misses); wait > 0 {
		r.Wait = now.Begin(wait)
	}
	return wait
}

// outstanding is the device code that can be answered now, zero for none.
func (r *record) outstanding(now trustedtime.Reading) recoverypin.DeviceCode {
	if r.Code == nil {
		return recoverypin.DeviceCode{}
	}
	if ago, ok := now.Since(r.Code.From); !ok || ago >= codeLife {
		return recoverypin.DeviceCode{}
	}
	code, err := recoverypin.ParseDeviceCode(r.Code.Digits)
	if err != nil {
		return recoverypin.DeviceCode{}
	}
	return code
}

// codeMissed counts a miss against the code that is shown; the third voids it,
// and the next comes after a pause that doubles.
func (r *record) codeMissed(now trustedtime.Reading) {
	if r.outstanding(now).IsZero() {
		return
	}
	code := *r.Code // the record of before the attempt keeps its own
	if code.Misses++; code.Misses < codeMisses {
		r.Code = &code
		return
	}
	r.Code = nil
	r.CodePauseLength = min(longestCodePause, max(codePause, 2*r.CodePauseLength))
	r.CodePause = now.Begin(r.CodePauseLength)
}

// codeUsed voids the code by an activation, which also ends the doubling.
func (r *record) codeUsed(now trustedtime.Reading) {
	if r.Code != nil {
		r.CodePause = now.Begin(codePause)
	}
	r.Code, r.CodePauseLength = nil, 0
}
