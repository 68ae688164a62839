package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// The names of the messages on the control socket.
const (
	MsgStatus        = "status"
	MsgFactorsList   = "factors.list"
	MsgFactorsRemove = "factors.remove"
	MsgDoctor        = "doctor"
	MsgCheckInNow    = "checkin.now"
)

// MsgMine on the session socket asks for what there is of the caller's own
// account. MsgBegin there takes no uid: the kernel says who calls.
const MsgMine = "mine"

// Mine answers mine.
type Mine struct {
	Name              string     `json:"name"`
	Governed          bool       `json:"governed"`
	Linked            string     `json:"linked,omitempty"` // login of the org user
	Factors           []Factor   `json:"factors"`
	WindowUntil       *time.Time `json:"window_until,omitempty"`
	WindowLeftSeconds int        `json:"window_left_seconds,omitempty"`
	SecureToken       *bool      `json:"secure_token,omitempty"` // whether it may unlock the disk; nil: not known here
}

// Status is what the daemon says of itself to `latchkey status`.
type Status struct {
	V          int             `json:"v"`
	Agent      string          `json:"agent"`
	Now        time.Time       `json:"now"`
	Clock      string          `json:"clock"` // as in CheckIn
	Armed      Armed           `json:"armed"`
	KillSwitch bool            `json:"killswitch"`
	Store      string          `json:"store"` // "good" or "awaiting_check_in"
	Policy     PolicyStatus    `json:"policy"`
	Accounts   []AccountStatus `json:"accounts"`
	CheckIn    CheckInStatus   `json:"check_in"`
}

// PolicyStatus is the policy in force, each value with its origin.
type PolicyStatus struct {
	State    string                   `json:"state"` // "never", "good", "bad" or "gone"
	SHA256   string                   `json:"sha256"`
	Problems []string                 `json:"problems"`
	Values   map[string]PolicySetting `json:"values"`
}

// PolicySetting is one value in force. Secrets are left out.
type PolicySetting struct {
	Value  any    `json:"value"`
	Origin string `json:"origin"` // "default" or "forced"
}

// AccountStatus is Account, and what only the Mac itself is told.
type AccountStatus struct {
	Account
	GraceUntil        *time.Time `json:"grace_until,omitempty"`
	OfflineUntil      *time.Time `json:"offline_until,omitempty"`     // when the Mac's own factors need an online sign-in first
	RecoverableUntil  *time.Time `json:"recoverable_until,omitempty"` // when no more PINs can be made, without a check-in before; nil: none can be made now
	WindowLeftSeconds int        `json:"window_left_seconds,omitempty"`
	SecureToken       *bool      `json:"secure_token,omitempty"` // whether it may unlock the disk; nil: not known here
}

// CheckInStatus is how the device stands with its server.
type CheckInStatus struct {
	Server   string     `json:"server"`
	DeviceID string     `json:"device_id,omitempty"`
	Last     *time.Time `json:"last,omitempty"` // the last that the server answered
	Problem  string     `json:"problem,omitempty"`
	Queued   int        `json:"queued"` // events that wait
}

// FactorsReply answers factors.list.
type FactorsReply struct {
	Accounts []AccountFactors `json:"accounts"`
}

// AccountFactors are one account's.
type AccountFactors struct {
	GUID    string   `json:"guid"`
	Name    string   `json:"name"`
	Factors []Factor `json:"factors"`
}

// DoctorReply answers doctor.
type DoctorReply struct {
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at. Hint says what to do when it is not
// OK.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// DictionaryOf is v, which encodes to a JSON object without nulls, as a
// dictionary.
func DictionaryOf(v any) (Dictionary, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	d := Dictionary{}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return withoutNulls(d).(Dictionary), nil
}

// withoutNulls drops what a dictionary cannot carry.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case Dictionary:
		for key, value := range v {
			if value == nil {
				delete(v, key)
			} else {
				v[key] = withoutNulls(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// FromDictionary reads what DictionaryOf made.
func FromDictionary(d Dictionary, into any) error {
	raw, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("decode %T: %w", into, err)
	}
	return nil
}
