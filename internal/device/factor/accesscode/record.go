package accesscode

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/lockout"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Kind is the factor's name in AllowedFactors.
const Kind = "Offline_TOTP"

// Numbers of design §5, "Lock-out".
const (
	missesUntilShut = 20 // from there on only another way in opens it
	drift           = 1  // steps of thirty seconds
)

const prefix = "accesscode/"

// Records is where the accounts' records are kept.
type Records interface {
	Read(key string) ([]byte, error)
	List(prefix string, limit int) (keys []string, values [][]byte, err error)
	Write(changes map[string][]byte) error
}

// Journal takes the events that go into the same write as what they tell of.
type Journal interface {
	Stage(into map[string][]byte, name, guid string, detail ...string) error
	Hold(into map[string][]byte, name, guid string, detail ...string) (events.Settle, error)
}

// Time is the trusted time.
type Time interface{ Now() trustedtime.Reading }

// record is what is kept of one account. The store seals it.
type record struct {
	ID       string           `json:"id,omitempty"`
	Key      []byte           `json:"key,omitempty"`
	At       time.Time        `json:"at"`        // of enrolment
	LastStep uint64           `json:"last_step"` // the last one used
	Misses   int              `json:"misses,omitempty"`
	Wait     trustedtime.Wait `json:"wait"`
}

func (r record) enrolled() bool { return r.ID != "" }

// countMiss counts one more attempt and says how long the next has to wait.
func (r *record) countMiss(now trustedtime.Reading) (wait time.Duration) {
	r.Misses++
	if wait = lockout.After(r.Misses); wait > 0 {
		r.Wait = now.Begin(wait)
	}
	return wait
}

// AccessCode is the factor. It is safe for concurrent use; attempts of one
// account are taken one at a time.
type AccessCode struct {
	records Records
	journal Journal
	time    Time
	device  func() string // the computer's name, shown in the authenticator app

	mu sync.Mutex
}

// New works on the records given.
func New(records Records, journal Journal, time Time, device func() string) *AccessCode {
	return &AccessCode{records: records, journal: journal, time: time, device: device}
}

func (a *AccessCode) load(guid string) (record, error) {
	var rec record
	raw, err := a.records.Read(prefix + guid)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &rec)
	}
	if err != nil {
		return record{}, fmt.Errorf("read the access code record: %w", err)
	}
	return rec, nil
}

func (a *AccessCode) save(guid string, rec record, with map[string][]byte) error {
	raw, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("write the access code record: %w", err)
	}
	with[prefix+guid] = raw
	if err := a.records.Write(with); err != nil {
		return fmt.Errorf("write the access code record: %w", err)
	}
	return nil
}

// EnterBoot carries all waits over a reboot. The daemon calls it at each start.
func (a *AccessCode) EnterBoot() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys, _, err := a.records.List(prefix, 10_000)
	if err != nil {
		return fmt.Errorf("list the access codes: %w", err)
	}
	now := a.time.Now()
	for _, key := range keys {
		guid := strings.TrimPrefix(key, prefix)
		rec, err := a.load(guid)
		if err != nil {
			return err
		}
		carried := now.Carry(rec.Wait)
		if carried == rec.Wait {
			continue
		}
		rec.Wait = carried
		if err := a.save(guid, rec, map[string][]byte{}); err != nil {
			return err
		}
	}
	return nil
}

// Succeeded ends the lock-out of an account that got in by an online factor or
// by a recovery PIN.
func (a *AccessCode) Succeeded(guid string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil || rec.Misses == 0 {
		return err
	}
	rec.Misses, rec.Wait = 0, trustedtime.Wait{}
	return a.save(guid, rec, map[string][]byte{})
}

// List is the account's enrolled access code, if it has one.
func (a *AccessCode) List(guid string) ([]wire.Factor, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil || !rec.enrolled() {
		return nil, err
	}
	return []wire.Factor{{ID: rec.ID, Kind: Kind, At: rec.At}}, nil
}

// Remove forgets the account's access code; id "" whichever it is. It reports
// whether there was one. The lock-out stays: removing is no way around it.
func (a *AccessCode) Remove(guid, id, why string) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil || !rec.enrolled() || id != "" && id != rec.ID {
		return false, err
	}
	with := map[string][]byte{}
	if err := a.journal.Stage(with, events.EnrollmentDelete, guid, "kind", Kind, "id", rec.ID, "reason", why); err != nil {
		return false, err
	}
	rec.ID, rec.Key, rec.LastStep = "", nil, 0
	return true, a.save(guid, rec, with)
}

// enrol puts a new key, of which step has been shown, in place of the old one.
func (a *AccessCode) enrol(guid string, key totp.Key, step uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil {
		return err
	}
	replaced := rec.ID
	rec.ID, rec.Key, rec.LastStep, rec.At = newID(), key.Secret(), step, a.time.Now().Time
	with := map[string][]byte{}
	if err := a.journal.Stage(with, events.EnrollmentCreate, guid, "kind", Kind, "id", rec.ID, "replaces", replaced); err != nil {
		return err
	}
	return a.save(guid, rec, with)
}

func newID() string {
	var id [8]byte
	rand.Read(id[:])
	return "oc" + hex.EncodeToString(id[:])
}
