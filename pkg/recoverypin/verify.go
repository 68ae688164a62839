package recoverypin

import (
	"crypto/subtle"
	"math"
	"time"
)

const (
	// Shown is how long a server shows a PIN.
	Shown = 120 * time.Second
	// CodeLife is how long a device shows a device code, and takes its PIN.
	CodeLife = 15 * time.Minute
	// Skew is how far the clocks of server and device may differ.
	Skew = 30 * time.Second
)

// Method says what a PIN was made from.
type Method int

// The two methods.
const (
	ByTime       Method = iota + 1 // made at a second of the server's clock
	ByDeviceCode                   // made for a device code
)

// String is the method as it stands in events: "time" or "device_code".
func (m Method) String() string {
	switch m {
	case ByTime:
		return "time"
	case ByDeviceCode:
		return "device_code"
	}
	return "unknown"
}

// Check is what a device knows when a PIN is tried.
type Check struct {
	// Secrets are the current secret and, if there is one, the pending one.
	Secrets []Secret
	// Now is the trusted time. The zero time means that the time is not
	// trusted, or that timed PINs are locked: no timed PIN is good.
	Now time.Time
	// VoidUpTo is the last second whose timed PIN is void because a PIN was
	// activated (recovery-pin-v1 §5). The zero time voids none.
	VoidUpTo time.Time
	// DeviceCode is the outstanding code; zero for none.
	DeviceCode DeviceCode
}

// Match is what a PIN was found to be.
type Match struct {
	Method   Method
	Secret   int       // index into Check.Secrets
	IssuedAt time.Time // of a timed PIN, in UTC; zero otherwise
}

// Candidates is how many timed PINs of one secret are live at a moment.
const Candidates = int((Shown+2*Skew)/time.Second) + 1

// Verify finds what pin was made from, if it is good now. It compares with
// every candidate in constant time, whatever matches. Where two match, which
// has odds of one in millions, the earlier secret and the later second win.
func Verify(pin PIN, c Check) (Match, bool) {
	var found Match
	ok := 0
	typed, valid := pin.number()
	for i, k := range c.Secrets {
		if !c.DeviceCode.IsZero() {
			same := valid & equal(typed, newMAC(k, labelChallenge).number(c.DeviceCode.digits[:]))
			if same&^ok == 1 {
				found = Match{Method: ByDeviceCode, Secret: i}
			}
			ok |= same
		}
		mac := newMAC(k, labelTime)
		first, last := liveSeconds(c)
		for t := last; t >= first; t-- {
			same := valid & equal(typed, mac.timed(t))
			if same&^ok == 1 {
				found = Match{Method: ByTime, Secret: i, IssuedAt: time.Unix(t, 0).UTC()}
			}
			ok |= same
		}
	}
	return found, ok == 1
}

// liveSeconds is the range of issue times that are good now, empty (first >
// last) when none is.
func liveSeconds(c Check) (first, last int64) {
	if c.Now.IsZero() {
		return math.MaxInt64, 0
	}
	now, skew := c.Now.Unix(), int64(Skew/time.Second)
	first = now - int64(Shown/time.Second) - skew
	if !c.VoidUpTo.IsZero() {
		first = max(first, c.VoidUpTo.Unix()+1)
	}
	return first, now + skew
}

// number is a PIN without its check digit; valid is 1 if all digits are digits
// and the check digit is theirs. So a candidate need not be written down to be
// compared, which would cost a third of its HMAC.
func (p PIN) number() (n uint32, valid int) {
	for _, d := range p.digits {
		if d < '0' || d > '9' {
			return 0, 0 // the zero PIN
		}
	}
	for _, d := range p.digits[:8] {
		n = 10*n + uint32(d-'0')
	}
	return n, subtle.ConstantTimeByteEq(damm(p.digits[:]), 0)
}

func equal(a, b uint32) int { return subtle.ConstantTimeEq(int32(a), int32(b)) }
