package wire

import "time"

// PINRequest asks the server for a recovery PIN.
type PINRequest struct {
	Reason     string `json:"reason"`
	Ticket     string `json:"ticket,omitempty"`
	DeviceCode string `json:"deviceCode,omitempty"`
}

// IssuedPIN is the server's 201: the one time that a PIN crosses the wire.
type IssuedPIN struct {
	ID              string    `json:"id"`
	PIN             string    `json:"pin"` // nine digits
	IssuedAt        time.Time `json:"issuedAt"`
	ShownUntil      time.Time `json:"shownUntil"`
	Method          string    `json:"method"` // "time" or "device_code"
	DurationMinutes int       `json:"durationMinutes"`
}

// String hides the PIN from logs.
func (IssuedPIN) String() string { return "[issued recovery PIN]" }

// GoString hides the PIN from %#v.
func (IssuedPIN) GoString() string { return "[issued recovery PIN]" }
