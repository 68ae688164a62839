package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"time"
)

const (
	// Digits is the length of a code.
	Digits = 6
	// Period is how long a step lasts.
	Period = 30 * time.Second
	// MaxDrift is the most steps that Match looks at on either side, so that a
	// slip in a caller cannot make guessing easy.
	MaxDrift = 10
	// modulus is 10 to the power of Digits.
	modulus = 1_000_000
	// maxTyped bounds what is read of an input.
	maxTyped = 64
)

// ErrNotACode: what was typed is not six digits. It is no attempt.
var ErrNotACode = errors.New("a code has six digits")

// ParseCode reads what a person typed: spaces and hyphens are dropped, and what
// is left must be six ASCII digits. The error is ErrNotACode.
func ParseCode(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", ErrNotACode
	}
	code := make([]byte, 0, Digits)
	for i := range len(typed) {
		switch c := typed[i]; {
		case c == ' ' || c == '-':
		case c < '0' || c > '9' || len(code) == Digits:
			return "", ErrNotACode
		default:
			code = append(code, c)
		}
	}
	if len(code) != Digits {
		return "", ErrNotACode
	}
	return string(code), nil
}

// Step is the number of the step that t lies in, counted from the Unix epoch; 0
// for a time before it.
func Step(t time.Time) uint64 {
	return uint64(max(t.Unix(), 0)) / uint64(Period/time.Second)
}

// Code is the code of a step: six digits. The zero Key has none, "".
func (k Key) Code(step uint64) string {
	if k.IsZero() {
		return ""
	}
	digits := k.digits(step)
	return string(digits[:])
}

// Match finds the step that code belongs to, among the step of at and drift
// steps (0 to MaxDrift) on either side, that is later than after, the last step
// used. It compares with every candidate in constant time, whatever matches and
// whatever was used; of two that match the later is returned, which makes both
// void. A code that is not six digits, the zero Key, a time before 1970 and a
// drift out of range match nothing.
func (k Key) Match(code string, at time.Time, drift int, after uint64) (step uint64, ok bool) {
	// Refused rather than clamped: a caller that asks for nonsense gets no login.
	if k.IsZero() || len(code) != Digits || at.Unix() < 0 || drift < 0 || drift > MaxDrift {
		return 0, false
	}
	typed, now := []byte(code), Step(at)
	first := now - min(now, uint64(drift))
	found := 0
	for s := first; s <= now+uint64(drift); s++ {
		digits := k.digits(s)
		good := subtle.ConstantTimeCompare(typed, digits[:]) & later(s, after)
		step = uint64(subtle.ConstantTimeSelect(good, int(s), int(step)))
		found |= good
	}
	return step, found == 1
}

// later is 1 if a > b, else 0. Which steps were used is no secret, so it may
// branch.
func later(a, b uint64) int {
	if a > b {
		return 1
	}
	return 0
}

// digits is RFC 4226 §5.3: four bytes of the HMAC at an offset that its last
// four bits name, without the sign bit, modulo 10^6.
func (k Key) digits(step uint64) (d [Digits]byte) {
	h := hmac.New(sha1.New, k.secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], step)
	h.Write(counter[:])
	sum := h.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff % modulus
	for i := Digits - 1; i >= 0; i-- {
		d[i] = '0' + byte(n%10)
		n /= 10
	}
	return d
}
