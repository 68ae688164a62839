package securitykey

import (
	"context"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// The reasons of the events, beside those of a *Rejected.
const (
	reasonPIN        = "key_pin_wrong"
	reasonPINBlocked = "key_pin_locked"
	reasonPINStopped = "key_pin_stopped" // until it is pulled out
	reasonGone       = "key_pulled_out"
	reasonTimeout    = "key_not_touched"
	reasonDenied     = "key_refused"
	reasonNotTheirs  = "key_not_theirs"
	reasonExcluded   = "key_set_up_already"
	reasonFinger     = "key_finger_wrong"
	reasonFingerOut  = "key_finger_locked"
	reasonNoVerify   = "key_without_pin"
	reasonChangePIN  = "key_pin_to_change"
	reasonOld        = "key_too_old"
	reasonNonsense   = "key_nonsense"
	reasonSilent     = "key_silent"
	reasonBusy       = "key_busy"
	reasonUnknown    = "key_failed"
)

// What a key cannot do that is wanted of it.
var (
	errNoVerification = errors.New("the key has neither a PIN nor a finger set up")
	errChangePIN      = errors.New("the key wants its PIN changed")
)

// then is where a refusal leads.
type then int

const (
	retry       then = iota // the person says when
	atOnce                  // to the next screen, which tells
	insertAgain             // once the key was pulled out
)

// meaning is a refusal for the person, for the event, and where it leads.
type meaning struct {
	note, reason string
	then         then
}

// meaningOf a key's error. One that nothing stands for is a failure of that key,
// and never of the person.
func meaningOf(err error) meaning {
	var rejected *Rejected
	if errors.As(err, &rejected) {
		return meaning{rejected.Note, rejected.Reason, retry}
	}
	for _, known := range []struct {
		err error
		meaning
	}{
		{ctap.ErrKeyGone, meaning{textGone, reasonGone, atOnce}},
		{ctap.ErrPINBlocked, meaning{textPINBlocked, reasonPINBlocked, retry}},
		{ctap.ErrPINAuthBlocked, meaning{textPINStopped, reasonPINStopped, insertAgain}},
		{ctap.ErrNoCredential, meaning{textNotTheirs, reasonNotTheirs, retry}},
		{ctap.ErrExcluded, meaning{textExcluded, reasonExcluded, retry}},
		{ctap.ErrDenied, meaning{textDenied, reasonDenied, retry}},
		{ctap.ErrTimeout, meaning{textTimeout, reasonTimeout, retry}},
		{context.DeadlineExceeded, meaning{textTimeout, reasonTimeout, retry}},
		{ctap.ErrUVBlocked, meaning{textFingerBlocked, reasonFingerOut, retry}},
		{ctap.ErrUVInvalid, meaning{textFinger, reasonFinger, retry}},
		{errNoVerification, meaning{textNoVerification, reasonNoVerify, retry}},
		{ctap.ErrPINNotSet, meaning{textNoVerification, reasonNoVerify, retry}},
		{errChangePIN, meaning{textChangePIN, reasonChangePIN, retry}},
		{ctap.ErrPINRequired, meaning{textNoVerification, reasonNoVerify, retry}},
		{ctap.ErrPINMustChange, meaning{textChangePIN, reasonChangePIN, retry}},
		{ctap.ErrNotFIDO2, meaning{textOld, reasonOld, retry}},
		{ctap.ErrSilent, meaning{textSilent, reasonSilent, retry}},
		{ctap.ErrBusy, meaning{textBusy, reasonBusy, retry}},
		{ctap.ErrNonsense, meaning{textNonsense, reasonNonsense, retry}},
	} {
		if errors.Is(err, known.err) {
			return known.meaning
		}
	}
	return meaning{textFailed, reasonUnknown, retry}
}
