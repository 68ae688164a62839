package wire

import (
	"encoding/json"
	"time"
)

// Bounds of a check-in.
const (
	MaxCheckIn       = 1 << 20 // bytes of the request
	MaxCheckInEvents = 500
)

// DevicePath and WellKnownPath are where a device finds its server.
const (
	WellKnownPath = "/.well-known/latchkey"
	CheckInPath   = "/device/v1/check-in"
)

// WellKnown is the answer at WellKnownPath.
type WellKnown struct {
	DeviceURL string `json:"device_url"`
}

// CheckIn is what a device tells its server: one request, one transaction,
// idempotent by (device, Seq).
type CheckIn struct {
	V          int            `json:"v"`
	Seq        uint64         `json:"seq"`
	Boot       string         `json:"boot"`
	Token      string         `json:"token,omitempty"`
	Device     Device         `json:"device"`
	Wall       time.Time      `json:"wall"`
	Clock      string         `json:"clock"` // "anchored", "wall" or "untrusted"
	Armed      Armed          `json:"armed"`
	KillSwitch bool           `json:"killswitch"`
	Policy     PolicyState    `json:"policy"`
	Ack        []string       `json:"ack,omitempty"`
	Accounts   []Account      `json:"accounts"`
	Secrets    []SecretUpload `json:"secrets,omitempty"`
	Events     []Event        `json:"events,omitempty"`
}

// Device describes the Mac.
type Device struct {
	UDID   string `json:"udid"`
	Serial string `json:"serial"`
	Model  string `json:"model"`
	Name   string `json:"name"`
	OS     string `json:"os"`
	Agent  string `json:"agent"`
	Zone   string `json:"zone"`
}

// Armed says whether the login right holds the mechanisms, and why.
type Armed struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// PolicyState is "good", "bad" or "gone" with what is in force. A value that is
// a secret is never in Effective.
type PolicyState struct {
	State     string          `json:"state"`
	SHA256    string          `json:"sha256"`
	Errors    []PolicyError   `json:"errors,omitempty"`
	Effective json.RawMessage `json:"effective,omitempty"`
}

// PolicyError is one bad key.
type PolicyError struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Allowed string `json:"allowed"`
}

// Account is a local account of the Mac as the server sees it.
type Account struct {
	GUID            string      `json:"guid"`
	UID             uint32      `json:"uid"`
	Name            string      `json:"name"`
	FullName        string      `json:"full_name"`
	Governed        bool        `json:"governed"`
	Exempt          bool        `json:"exempt"`
	Linked          string      `json:"linked,omitempty"`
	Factors         []Factor    `json:"factors"`
	Secret          SecretState `json:"secret"`
	WindowUntil     *time.Time  `json:"window_until,omitempty"`
	FirstGovernedAt *time.Time  `json:"first_governed_at,omitempty"`
}

// Factor is an enrolled factor.
type Factor struct {
	ID   string    `json:"id"`
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
}

// SecretState is what the device holds for one account: "none", "pending" or
// "current". KeyID is 16 hex digits. With a pending secret beside a current
// one the current one is described.
type SecretState struct {
	Generation uint64 `json:"generation"`
	KeyID      string `json:"key_id"`
	State      string `json:"state"`
}

// SecretUpload hands a pending secret to the server. Key and Proof are base64.
type SecretUpload struct {
	GUID       string `json:"guid"`
	Generation uint64 `json:"generation"`
	Key        []byte `json:"key"`
	Proof      []byte `json:"proof,omitempty"`
}

// String hides the key from logs.
func (SecretUpload) String() string { return "[recovery secret upload]" }

// GoString hides the key from %#v.
func (SecretUpload) GoString() string { return "[recovery secret upload]" }

// Event is something that happened on the device.
type Event struct {
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	At      time.Time         `json:"at"`
	Trusted bool              `json:"trusted"`
	GUID    string            `json:"guid,omitempty"`
	Detail  map[string]string `json:"detail"`
}

// CheckInAnswer is the server's 200.
type CheckInAnswer struct {
	Now      time.Time       `json:"now"`
	DeviceID string          `json:"device_id"`
	Token    string          `json:"token,omitempty"`
	NextIn   int             `json:"next_in"` // seconds
	More     bool            `json:"more"`
	MinAgent string          `json:"min_agent"`
	Events   []string        `json:"events"` // ids accepted
	Secrets  []SecretResult  `json:"secrets"`
	Accounts []AccountAnswer `json:"accounts"`
	Settings Settings        `json:"settings"`
	Commands []Command       `json:"commands"`
}

// The results of a secret upload.
const (
	SecretConfirmed = "confirmed"
	SecretUnproven  = "unproven" // taken, and marked for the help desk
	SecretStale     = "stale"    // the server holds a higher generation
)

// SecretResult answers one SecretUpload. With SecretStale, Generation is the
// one that the server holds.
type SecretResult struct {
	GUID       string `json:"guid"`
	Generation uint64 `json:"generation"`
	Result     string `json:"result"`
}

// AccountAnswer is what the server remembers of an account, for a device that
// lost its store.
type AccountAnswer struct {
	GUID            string     `json:"guid"`
	FirstGovernedAt *time.Time `json:"first_governed_at,omitempty"`
	Prelink         string     `json:"prelink,omitempty"`
}

// Settings are the org's.
type Settings struct {
	Recovery         bool `json:"recovery"`
	EndWindowOnEnrol bool `json:"end_window_on_enrol"`
	NumberMatching   bool `json:"number_matching"`
}

// The kinds of command.
const (
	CommandResetFactors = "reset_factors"
	CommandEndWindow    = "end_window"
	CommandRotate       = "rotate"
	CommandDisarm       = "disarm"
	CommandCheckIn      = "check_in"
)

// Command is something the server asks of the device, repeated until its id
// comes back in CheckIn.Ack.
type Command struct {
	ID    string     `json:"id"`
	Kind  string     `json:"kind"`
	GUID  string     `json:"guid,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// The reasons of a 403.
const (
	RefusedUnverified = "unverified"
	RefusedReenrolled = "reenrolled"
	RefusedSuspended  = "suspended"
)

// APIError is an error body, in the shape of Okta's.
type APIError struct {
	ErrorCode    string          `json:"errorCode"`
	ErrorSummary string          `json:"errorSummary"`
	ErrorLink    string          `json:"errorLink"`
	ErrorID      string          `json:"errorId"`
	ErrorCauses  []APIErrorCause `json:"errorCauses"`
	Reason       string          `json:"reason,omitempty"`  // of a 403 from the device API
	LastSeq      *uint64         `json:"lastSeq,omitempty"` // of a 409 from it: the highest seq taken
}

// APIErrorCause is one cause in an APIError.
type APIErrorCause struct {
	ErrorSummary string `json:"errorSummary"`
}
