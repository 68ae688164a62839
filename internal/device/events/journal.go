package events

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxQueued bounds the queue of a device that never checks in; at some 300
// bytes an event that is 15 MB. The oldest go first.
const maxQueued = 50_000

const prefix = "events/"

// Records is where the queue is kept.
type Records interface {
	List(prefix string, limit int) (keys []string, values [][]byte, err error)
	Write(changes map[string][]byte) error
}

// Time dates events.
type Time interface{ Now() trustedtime.Reading }

// Journal is the queue. It is safe for concurrent use.
type Journal struct {
	records Records
	time    Time

	mu    sync.Mutex
	next  uint64            // number of the next event
	keys  []string          // queued, oldest first
	byID  map[string]string // event id to key
	idsOf map[string]string // key to event id
	held  map[string]bool   // keys that Pending passes over: not settled yet, or taken back and perhaps still in the records
}

// Open reads the queue that an earlier process left.
func Open(records Records, time Time) (*Journal, error) {
	j := &Journal{records: records, time: time, byID: map[string]string{}, idsOf: map[string]string{}, held: map[string]bool{}}
	keys, values, err := records.List(prefix, maxQueued+1)
	if err != nil {
		return nil, fmt.Errorf("read the event queue: %w", err)
	}
	for i, key := range keys {
		var e wire.Event
		if err := json.Unmarshal(values[i], &e); err != nil {
			return nil, fmt.Errorf("read event %s: %w", key, err)
		}
		if j.next, err = numberOf(key); err != nil {
			return nil, fmt.Errorf("read event %s: %w", key, err)
		}
		j.note(key, e.ID)
	}
	j.next++
	return j, nil
}

// note keeps the keys in order: one that is learnt of late may be an old one.
func (j *Journal) note(key, id string) {
	at, _ := slices.BinarySearch(j.keys, key)
	j.keys = slices.Insert(j.keys, at, key)
	j.byID[id], j.idsOf[key] = key, id
}

func (j *Journal) forget(key string) {
	delete(j.byID, j.idsOf[key])
	delete(j.idsOf, key)
}

// drop forgets an event that is not in the queue.
func (j *Journal) drop(key string) {
	j.forget(key)
	j.keys = slices.DeleteFunc(j.keys, func(k string) bool { return k == key })
}

// Stage adds an event to a set of changes, so that it is written together with
// what it tells of. Detail pairs a name with a value, in turn; a value is never
// a secret. guid may be "".
func (j *Journal) Stage(into map[string][]byte, name, guid string, detail ...string) error {
	_, err := j.stage(into, false, name, guid, detail)
	return err
}

// Settle decides about an event that was staged by Hold: keep it, or take it
// back within the changes given. Where those cannot be written, the event stands
// after all: settle it again, to keep it.
type Settle func(into map[string][]byte, keep bool)

// Hold stages an event of which it is not known yet whether it happens, such
// as the miss that an attempt counts as until it has been compared. No check-in
// delivers it before it is settled; when the process ends before that, it
// stands.
func (j *Journal) Hold(into map[string][]byte, name, guid string, detail ...string) (Settle, error) {
	key, err := j.stage(into, true, name, guid, detail)
	if err != nil {
		return nil, err
	}
	return func(into map[string][]byte, keep bool) { j.settle(into, key, keep) }, nil
}

func (j *Journal) settle(into map[string][]byte, key string, keep bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if keep {
		delete(j.held, key)
		return
	}
	// It stays held: until the changes are written it is in the records, and a
	// check-in that looks meanwhile must not deliver it.
	into[key] = nil
	j.drop(key)
}

func (j *Journal) stage(into map[string][]byte, hold bool, name, guid string, detail []string) (string, error) {
	now := j.time.Now()
	e := wire.Event{ID: newID(), Type: name, At: now.Time, Trusted: now.Trusted(), GUID: guid, Detail: map[string]string{}}
	for i := 0; i+1 < len(detail); i += 2 {
		e.Detail[detail[i]] = detail[i+1]
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("queue event %s: %w", name, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	key := keyOf(j.next)
	j.next++
	into[key] = raw
	if hold {
		j.held[key] = true
	}
	j.note(key, e.ID)
	if len(j.keys) > maxQueued {
		into[j.keys[0]] = nil
		j.forget(j.keys[0])
		j.keys = j.keys[1:]
	}
	return key, nil
}

// Record queues an event by itself and returns when it is on the disk.
func (j *Journal) Record(name, guid string, detail ...string) error {
	changes := map[string][]byte{}
	key, err := j.stage(changes, false, name, guid, detail)
	if err != nil {
		return err
	}
	if err := j.records.Write(changes); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.drop(key)
		return fmt.Errorf("queue event %s: %w", name, err)
	}
	return nil
}

// Pending is up to most events, oldest first.
func (j *Journal) Pending(most int) ([]wire.Event, error) {
	// Looked at before the list is read: what is staged from here on may be
	// held, and may have been withdrawn before this function looks again.
	j.mu.Lock()
	held, end := maps.Clone(j.held), keyOf(j.next)
	j.mu.Unlock()
	// Those that are held must not take the room of those that can go.
	keys, values, err := j.records.List(prefix, most+len(held))
	if err != nil {
		return nil, fmt.Errorf("read the event queue: %w", err)
	}
	j.release(held, keys, len(keys) < most+len(held))
	out := make([]wire.Event, 0, len(values))
	for i, raw := range values {
		if len(out) == most || keys[i] >= end {
			break
		}
		if held[keys[i]] {
			continue
		}
		var e wire.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("read the event queue: %w", err)
		}
		j.know(keys[i], e.ID)
		out = append(out, e)
	}
	return out, nil
}

// release forgets the held keys that were taken back and are gone from the
// records. Those that were listed reach up to the last of keys, or to the end.
func (j *Journal) release(held map[string]bool, keys []string, all bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key := range held {
		_, there := slices.BinarySearch(keys, key)
		_, queued := j.idsOf[key]
		if !there && !queued && (all || key < keys[len(keys)-1]) {
			delete(j.held, key)
		}
	}
}

// know makes sure that an event which is about to be delivered can be dropped
// by its id, even if the write that staged it told us that it had failed.
func (j *Journal) know(key, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.byID[id]; !known {
		j.note(key, id)
	}
}

// Queued is how many events wait.
func (j *Journal) Queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.keys)
}

// Delivered drops the events that the server has accepted. Unknown ids are
// passed over.
func (j *Journal) Delivered(ids []string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	changes := map[string][]byte{}
	for _, id := range ids {
		if key, known := j.byID[id]; known {
			changes[key] = nil
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if err := j.records.Write(changes); err != nil {
		return fmt.Errorf("drop delivered events: %w", err)
	}
	kept := j.keys[:0]
	for _, key := range j.keys {
		if _, gone := changes[key]; gone {
			j.forget(key)
			continue
		}
		kept = append(kept, key)
	}
	j.keys = kept
	return nil
}

func keyOf(number uint64) string { return fmt.Sprintf("%s%020d", prefix, number) }

// numberOf is the inverse of keyOf. Any other key would stand out of order, and
// an event out of order would never be delivered.
func numberOf(key string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(key, prefix), 10, 63)
	if err != nil || keyOf(n) != key {
		return 0, errors.New("its key is no number of the queue")
	}
	return n, nil
}

func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
