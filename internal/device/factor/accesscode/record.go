package accesscode

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
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
	// maxPhones of one account. Each makes a guess as much more likely to be
	// right as it adds keys.
	maxPhones = 5
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
	Phones []phone          `json:"phones,omitempty"` // oldest first
	Misses int              `json:"misses,omitempty"`
	Wait   trustedtime.Wait `json:"wait"`
}

// phone is one authenticator app that has a key.
type phone struct {
	ID       string    `json:"id"`
	Key      []byte    `json:"key"`
	At       time.Time `json:"at"`        // of enrolment
	LastStep uint64    `json:"last_step"` // the last one used
}

func (r record) enrolled() bool { return len(r.Phones) > 0 }

// match finds the phone that shows the code. Every phone is looked at, whatever
// the first ones say: how long it takes tells nothing of which it was. used says
// that one of them has shown it, and it was taken before.
func (r record) match(code string, at time.Time) (found int, step uint64, used bool, err error) {
	found = -1
	for i, p := range r.Phones {
		key, err := totp.KeyFrom(p.Key)
		if err != nil {
			return -1, 0, false, fmt.Errorf("use an access code's key: %w", err)
		}
		if s, ok := key.Match(code, at, drift, p.LastStep); ok && found < 0 {
			found, step = i, s
		}
		_, shown := key.Match(code, at, drift, 0)
		used = used || shown
	}
	return found, step, used, nil
}

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
	org     func() string // the org's host, shown above it

	mu sync.Mutex
}

// New works on the records given. device and org name the computer and the org
// in the authenticator app.
func New(records Records, journal Journal, time Time, device, org func() string) *AccessCode {
	return &AccessCode{records: records, journal: journal, time: time, device: device, org: org}
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

// List is the account's enrolled access codes, oldest first.
func (a *AccessCode) List(guid string) ([]wire.Factor, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil {
		return nil, err
	}
	var out []wire.Factor
	for _, p := range rec.Phones {
		out = append(out, wire.Factor{ID: p.ID, Kind: Kind, At: p.At})
	}
	return out, nil
}

// Remove forgets the account's access codes of that id; "" all that there are.
// It says how many there were. The lock-out stays: removing is no way around it.
func (a *AccessCode) Remove(guid, id, why string) (int, error) {
	return a.remove(guid, why, func(_ int, p phone) bool { return id == "" || id == p.ID })
}

// RemoveUpTo forgets what the account had set up by then, in one write.
func (a *AccessCode) RemoveUpTo(guid string, then time.Time, why string) (int, error) {
	return a.remove(guid, why, func(_ int, p phone) bool { return !p.At.After(then) })
}

// RemoveOlder implements factor.Remover.
func (a *AccessCode) RemoveOlder(guid, why string) (int, error) {
	return a.remove(guid, why, func(newer int, _ phone) bool { return newer > 0 })
}

// remove forgets each phone that which names, given how many newer ones there
// are.
func (a *AccessCode) remove(guid, why string, which func(newer int, p phone) bool) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil {
		return 0, err
	}
	with, kept := map[string][]byte{}, []phone{}
	for i, p := range rec.Phones {
		if !which(len(rec.Phones)-1-i, p) {
			kept = append(kept, p)
			continue
		}
		if err := a.journal.Stage(with, events.EnrollmentDelete, guid, "kind", Kind, "id", p.ID, "reason", why); err != nil {
			return 0, err
		}
	}
	removed := len(rec.Phones) - len(kept)
	if removed == 0 {
		return 0, nil
	}
	rec.Phones = kept
	return removed, a.save(guid, rec, with)
}

// Count implements factor.Enroller.
func (a *AccessCode) Count(account factor.Account) (have int, room bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(account.GUID)
	// What cannot be read is not written over.
	return len(rec.Phones), err == nil && len(rec.Phones) < maxPhones
}

// enrol adds a key, of which step has been shown.
func (a *AccessCode) enrol(guid string, key totp.Key, step uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	rec, err := a.load(guid)
	if err != nil {
		return err
	}
	if len(rec.Phones) >= maxPhones {
		return fmt.Errorf("add an access code: the account has %d", len(rec.Phones))
	}
	added := phone{ID: newID(), Key: key.Secret(), LastStep: step, At: a.time.Now().Time}
	rec.Phones = append(rec.Phones, added)
	with := map[string][]byte{}
	if err := a.journal.Stage(with, events.EnrollmentCreate, guid, "kind", Kind, "id", added.ID, "phones", strconv.Itoa(len(rec.Phones))); err != nil {
		return err
	}
	return a.save(guid, rec, with)
}

func newID() string {
	var id [8]byte
	rand.Read(id[:])
	return "oc" + hex.EncodeToString(id[:])
}
