package recovery

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// Numbers of recovery-pin-v1, "Verification on the device".
const (
	missesUntilNoTimed = 10
	codeLife           = recoverypin.CodeLife
	codeMisses         = 3
	codePause          = time.Minute
	longestCodePause   = 15 * time.Minute
)

const prefix = "recovery/"

// maxAccounts bounds what is read at once of the store; a Mac has far fewer.
const maxAccounts = 10_000

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

// Recovery holds the records of all accounts. It is safe for concurrent use;
// attempts of one account are taken one at a time.
type Recovery struct {
	records Records
	journal Journal
	time    Time
	random  io.Reader

	mu    sync.Mutex
	users map[string]*sync.Mutex
}

// New works on the records given. random should be crypto/rand.Reader.
func New(records Records, journal Journal, time Time, random io.Reader) *Recovery {
	return &Recovery{records: records, journal: journal, time: time, random: random, users: map[string]*sync.Mutex{}}
}

// lock takes one account; the result releases it.
func (v *Recovery) lock(guid string) func() {
	v.mu.Lock()
	user := v.users[guid]
	if user == nil {
		user = &sync.Mutex{}
		v.users[guid] = user
	}
	v.mu.Unlock()
	user.Lock()
	return user.Unlock
}

func (v *Recovery) load(guid string) (record, error) {
	raw, err := v.records.Read(prefix + guid)
	if err != nil {
		return record{}, fmt.Errorf("read the recovery record: %w", err)
	}
	return decode(raw)
}

func decode(raw []byte) (record, error) {
	var rec record
	if raw == nil {
		return rec, nil
	}
	err := json.Unmarshal(raw, &rec)
	if err == nil {
		err = rec.check()
	}
	if err != nil {
		return record{}, fmt.Errorf("read the recovery record: %w", err)
	}
	return rec, nil
}

// save writes the record with whatever else belongs to the same step.
func (v *Recovery) save(guid string, rec record, with map[string][]byte) error {
	raw, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("write the recovery record: %w", err)
	}
	with[prefix+guid] = raw
	if err := v.records.Write(with); err != nil {
		return fmt.Errorf("write the recovery record: %w", err)
	}
	return nil
}

// each calls change with every account's record and saves those that it says
// have changed.
func (v *Recovery) each(change func(guid string, rec *record, with map[string][]byte) (bool, error)) error {
	keys, _, err := v.records.List(prefix, maxAccounts)
	if err != nil {
		return fmt.Errorf("list the recovery records: %w", err)
	}
	for _, key := range keys {
		if err := v.one(strings.TrimPrefix(key, prefix), change); err != nil {
			return err
		}
	}
	return nil
}

// one does the same for one account.
func (v *Recovery) one(guid string, change func(guid string, rec *record, with map[string][]byte) (bool, error)) error {
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil {
		return err
	}
	with := map[string][]byte{}
	changed, err := change(guid, &rec, with)
	if err != nil || !changed {
		return err
	}
	return v.save(guid, rec, with)
}

// EnterBoot carries all waits over a reboot. The daemon calls it at each start.
func (v *Recovery) EnterBoot() error {
	now := v.time.Now()
	return v.each(func(_ string, rec *record, _ map[string][]byte) (bool, error) {
		wait, pause := rec.Wait, rec.CodePause
		rec.Wait, rec.CodePause = now.Carry(wait), now.Carry(pause)
		return rec.Wait != wait || rec.CodePause != pause, nil
	})
}

// Anchored takes note that the time is the server's now. What was activated
// cannot have been later: a clock that was ahead must not void the PINs of days
// to come.
func (v *Recovery) Anchored() error {
	now := v.time.Now().Time
	return v.each(func(_ string, rec *record, _ map[string][]byte) (bool, error) {
		if !rec.VoidUpTo.After(now) {
			return false, nil
		}
		rec.VoidUpTo = now
		return true, nil
	})
}
