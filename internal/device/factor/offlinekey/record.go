package offlinekey

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const prefix = "offlinekey/"

// maxKeys of one account.
const maxKeys = 5

// record is what is kept of one account. The store seals it.
type record struct {
	Keys []credential `json:"keys,omitempty"` // oldest first
}

// credential is a security key that was set up here.
type credential struct {
	ID         string    `json:"id"` // by which it is listed and removed
	RPID       string    `json:"rp_id"`
	Credential []byte    `json:"credential"`
	PublicKey  []byte    `json:"public_key"` // COSE
	Counter    uint32    `json:"counter"`
	Verified   bool      `json:"verified"` // the key has verified its person when it was set up
	Cloned     bool      `json:"cloned,omitempty"`
	At         time.Time `json:"at"`
}

// usable are the keys that may sign for the org of now.
func (r record) usable(rpID string) (found []credential) {
	for _, c := range r.Keys {
		if c.RPID == rpID && !c.Cloned {
			found = append(found, c)
		}
	}
	return found
}

// find is where the credential of that id stands; -1 is nowhere.
func (r record) find(credentialID []byte) int {
	return slices.IndexFunc(r.Keys, func(c credential) bool { return slices.Equal(c.Credential, credentialID) })
}

// credentialIDs are what a key is asked for.
func credentialIDs(list []credential) (ids [][]byte) {
	for _, c := range list {
		ids = append(ids, c.Credential)
	}
	return ids
}

func (k *OfflineKey) load(guid string) (record, error) {
	var rec record
	raw, err := k.Records.Read(prefix + guid)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &rec)
	}
	if err != nil {
		return record{}, fmt.Errorf("read the security keys of an account: %w", err)
	}
	return rec, nil
}

func (k *OfflineKey) save(guid string, rec record, with map[string][]byte) error {
	raw, err := json.Marshal(rec)
	if err == nil {
		with[prefix+guid] = raw
		err = k.Records.Write(with)
	}
	if err != nil {
		return fmt.Errorf("write the security keys of an account: %w", err)
	}
	return nil
}

// change takes the record of an account through a change, with its events, in
// one write.
func (k *OfflineKey) change(guid string, do func(rec *record, with map[string][]byte) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec, err := k.load(guid)
	if err != nil {
		return err
	}
	with := map[string][]byte{}
	if err := do(&rec, with); err != nil {
		return err
	}
	return k.save(guid, rec, with)
}

// List is the account's security keys, oldest first.
func (k *OfflineKey) List(guid string) ([]wire.Factor, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec, err := k.load(guid)
	var out []wire.Factor
	for _, c := range rec.Keys {
		out = append(out, wire.Factor{ID: c.ID, Kind: Kind, At: c.At})
	}
	return out, err
}

// Remove forgets the account's key of that id, and says whether there was one.
func (k *OfflineKey) Remove(guid, id, why string) (int, error) {
	return k.remove(guid, why, func(_ int, c credential) bool { return c.ID == id })
}

// RemoveUpTo forgets what the account had set up by then, in one write.
func (k *OfflineKey) RemoveUpTo(guid string, then time.Time, why string) (int, error) {
	return k.remove(guid, why, func(_ int, c credential) bool { return !c.At.After(then) })
}

// RemoveOlder implements factor.Remover.
func (k *OfflineKey) RemoveOlder(guid, why string) (int, error) {
	return k.remove(guid, why, func(newer int, _ credential) bool { return newer > 0 })
}

func (k *OfflineKey) remove(guid, why string, which func(newer int, c credential) bool) (removed int, err error) {
	err = k.change(guid, func(rec *record, with map[string][]byte) error {
		var kept []credential
		for i, c := range rec.Keys {
			if !which(len(rec.Keys)-1-i, c) {
				kept = append(kept, c)
				continue
			}
			removed++
			if err := k.Journal.Stage(with, events.EnrollmentDelete, guid, "kind", Kind, "id", c.ID, "reason", why); err != nil {
				return err
			}
		}
		rec.Keys = kept
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// Count implements factor.Enroller.
func (k *OfflineKey) Count(account factor.Account) (have int, room bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec, err := k.load(account.GUID)
	// What cannot be read is not written over.
	return len(rec.Keys), err == nil && len(rec.Keys) < maxKeys
}

// add keeps a key that was just set up.
func (k *OfflineKey) add(guid, rpID string, c ctap.Credential) error {
	return k.change(guid, func(rec *record, with map[string][]byte) error {
		if len(rec.Keys) >= maxKeys {
			return fmt.Errorf("add a security key: the account has %d", len(rec.Keys))
		}
		added := credential{ID: newID(), RPID: rpID, Credential: c.ID, PublicKey: c.PublicKey, Counter: c.Counter, Verified: c.UserVerified, At: k.Time.Now().Time}
		rec.Keys = append(rec.Keys, added)
		return k.Journal.Stage(with, events.EnrollmentCreate, guid, "kind", Kind, "id", added.ID, "keys", strconv.Itoa(len(rec.Keys)),
			"model", hex.EncodeToString(c.AAGUID[:]), "verified", strconv.FormatBool(c.UserVerified))
	})
}

func newID() string {
	var id [8]byte
	rand.Read(id[:])
	return "ok" + hex.EncodeToString(id[:])
}
