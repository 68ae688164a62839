package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
)

const prefix = "accounts/"

const maxAccounts = 10_000

// Record is what is kept of an account that has met the second factor.
type Record struct {
	UID             uint32    `json:"uid"`
	Name            string    `json:"name"`
	FullName        string    `json:"full_name"`
	FirstGovernedAt time.Time `json:"first_governed_at"`
	HadFactor       bool      `json:"had_factor"`     // ever: the first grace is over for good
	OfflineFrom     time.Time `json:"offline_from"`   // when the offline period began
	News            []string  `json:"news,omitempty"` // to be shown at the next login
}

func (m *Manager) record(guid string) (Record, error) {
	var rec Record
	raw, err := m.Records.Read(prefix + guid)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &rec)
	}
	if err != nil {
		return Record{}, fmt.Errorf("read the account record: %w", err)
	}
	return rec, nil
}

func (m *Manager) keep(guid string, rec Record) error {
	raw, err := json.Marshal(rec)
	if err == nil {
		err = m.Records.Write(map[string][]byte{prefix + guid: raw})
	}
	if err != nil {
		return fmt.Errorf("write the account record: %w", err)
	}
	return nil
}

// Accounts are the records of all accounts that were ever governed, by GUID.
func (m *Manager) Accounts() (map[string]Record, error) {
	keys, values, err := m.Records.List(prefix, maxAccounts)
	if err != nil {
		return nil, fmt.Errorf("list the accounts: %w", err)
	}
	out := make(map[string]Record, len(keys))
	for i, key := range keys {
		var rec Record
		if err := json.Unmarshal(values[i], &rec); err != nil {
			return nil, fmt.Errorf("read the account record: %w", err)
		}
		out[strings.TrimPrefix(key, prefix)] = rec
	}
	return out, nil
}

// Remember takes what the server knows of an account that this device forgot:
// the first governed login is the earlier of both, so that a lost store does
// not restart the grace period.
func (m *Manager) Remember(guid string, firstGoverned time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, err := m.record(guid)
	if err != nil {
		return err
	}
	if firstGoverned.IsZero() || !rec.FirstGovernedAt.IsZero() && !firstGoverned.Before(rec.FirstGovernedAt) {
		return nil
	}
	rec.FirstGovernedAt = firstGoverned
	return m.keep(guid, rec)
}

// know refreshes what the directory says of an account.
func (r *Record) know(a factor.Account) {
	r.UID, r.Name, r.FullName = a.UID, a.Name, a.FullName
}

// Tell leaves word for the person, to be shown at the next login.
func (m *Manager) Tell(guid, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, err := m.record(guid)
	if err != nil {
		return err
	}
	rec.News = append(rec.News, text)
	return m.keep(guid, rec)
}

// Anchored takes note that the time is the server's now: nothing that was kept
// can have been later. A clock that was ahead must not lengthen the grace or
// the offline period.
func (m *Manager) Anchored() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	accounts, err := m.Accounts()
	if err != nil {
		return err
	}
	now := m.Time.Now().Time
	for guid, rec := range accounts {
		if !rec.FirstGovernedAt.After(now) && !rec.OfflineFrom.After(now) {
			continue
		}
		for _, at := range []*time.Time{&rec.FirstGovernedAt, &rec.OfflineFrom} {
			if at.After(now) {
				*at = now
			}
		}
		if err := m.keep(guid, rec); err != nil {
			return err
		}
	}
	return nil
}
