package recovery

import (
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// RotateEvery is how old a confirmed secret becomes at the most, unless
// DeviceRecoveryValidityInDays is shorter.
const RotateEvery = 7 * 24 * time.Hour

// Register makes the account's first secret, as pending, if it has none.
func (v *Recovery) Register(guid string) error {
	return v.one(guid, func(_ string, rec *record, _ map[string][]byte) (bool, error) {
		if rec.Current != nil || rec.Pending != nil {
			return false, nil
		}
		return true, v.makePending(rec)
	})
}

func (v *Recovery) makePending(rec *record) error {
	key, err := recoverypin.NewSecret(v.random)
	if err != nil {
		return err
	}
	rec.Generation++
	rec.Pending = &secret{Generation: rec.Generation, Key: key[:]}
	return nil
}

// Uploads are the secrets that the server has to confirm: the pending ones,
// and new ones for accounts whose rotation is due. validity is
// DeviceRecoveryValidityInDays.
func (v *Recovery) Uploads(validity time.Duration) ([]wire.SecretUpload, error) {
	var out []wire.SecretUpload
	now := v.time.Now()
	err := v.each(func(guid string, rec *record, _ map[string][]byte) (changed bool, err error) {
		if rec.Pending == nil && rec.rotationDue(now, min(RotateEvery, validity)) {
			if err := v.makePending(rec); err != nil {
				return false, err
			}
			changed = true
		}
		if rec.Pending != nil {
			out = append(out, rec.upload(guid))
		}
		return changed, nil
	})
	return out, err
}

func (r *record) rotationDue(now trustedtime.Reading, every time.Duration) bool {
	if r.Current == nil {
		return false
	}
	return r.Current.Generation <= r.RotateUpTo || now.Trusted() && now.Time.Sub(r.Current.Since) >= every
}

func (r *record) upload(guid string) wire.SecretUpload {
	u := wire.SecretUpload{GUID: guid, Generation: r.Pending.Generation, Key: r.Pending.Key}
	if r.Current != nil {
		u.Proof = r.Current.key().RotationProof(r.Pending.key())
	}
	return u
}

// Results takes the server's answers: a confirmed pending secret becomes the
// current one; a stale one is numbered above the server's and sent again, never
// replaced.
func (v *Recovery) Results(results []wire.SecretResult) error {
	for _, res := range results {
		if err := v.one(res.GUID, func(guid string, rec *record, with map[string][]byte) (bool, error) {
			return v.takeResult(guid, rec, res, with)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (v *Recovery) takeResult(guid string, rec *record, res wire.SecretResult, with map[string][]byte) (bool, error) {
	if rec.Pending == nil {
		return false, nil
	}
	switch res.Result {
	case wire.SecretConfirmed, wire.SecretUnproven:
		if res.Generation != rec.Pending.Generation {
			return false, nil // the answer to an earlier one
		}
		rec.Current, rec.Pending = rec.Pending, nil
		rec.Current.Since = v.time.Now().Time
		return true, v.journal.Stage(with, events.PINRotateSecret, guid, "generation", strconv.FormatUint(res.Generation, 10), "result", res.Result)
	case wire.SecretStale:
		if res.Generation < rec.Pending.Generation {
			return false, nil
		}
		due := rec.Pending.Generation <= rec.RotateUpTo
		rec.Generation = res.Generation + 1
		rec.Pending.Generation = rec.Generation
		if due {
			rec.RotateUpTo = rec.Generation
		}
		return true, nil
	}
	return false, nil // an answer we do not know confirms nothing
}

// Rotate asks for a new secret in place of all there are, at the next check-in;
// guid "" for all accounts. A pending one is sent first, since it is never
// replaced, and then the new one.
func (v *Recovery) Rotate(guid string) error {
	mark := func(_ string, rec *record, _ map[string][]byte) (bool, error) {
		changed := rec.RotateUpTo != rec.Generation
		rec.RotateUpTo = rec.Generation
		return changed, nil
	}
	if guid == "" {
		return v.each(mark)
	}
	return v.one(guid, mark)
}

// Off ends all windows and erases all secrets: recovery was turned off. The
// numbers of secrets, the misses and the waits stay.
func (v *Recovery) Off() error {
	return v.each(func(guid string, rec *record, with map[string][]byte) (bool, error) {
		if rec.Current == nil && rec.Pending == nil && rec.Window == nil && rec.Ended == nil {
			return false, nil
		}
		if rec.Window != nil {
			if err := v.journal.Stage(with, events.PINExpire, guid, "reason", "recovery_off"); err != nil {
				return false, err
			}
		}
		rec.Current, rec.Pending, rec.Window, rec.Ended, rec.Code = nil, nil, nil, nil, nil
		return true, nil
	})
}

// State is what a check-in and status say of the account's secret.
func (v *Recovery) State(guid string) (wire.SecretState, error) {
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil {
		return wire.SecretState{}, err
	}
	switch {
	case rec.Current != nil:
		return wire.SecretState{Generation: rec.Current.Generation, KeyID: rec.Current.keyID(), State: "current"}, nil
	case rec.Pending != nil:
		return wire.SecretState{Generation: rec.Pending.Generation, KeyID: rec.Pending.keyID(), State: "pending"}, nil
	}
	return wire.SecretState{State: "none"}, nil
}

// ConfirmedAt is when the server confirmed the secret that PINs are made with;
// the zero time without one.
func (v *Recovery) ConfirmedAt(guid string) (time.Time, error) {
	defer v.lock(guid)()
	rec, err := v.load(guid)
	if err != nil || rec.Current == nil {
		return time.Time{}, err
	}
	return rec.Current.Since, nil
}
