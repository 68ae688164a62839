package desk

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

const intendedPolicy = "intended_policy"

// Intended is the policy that the org means its Macs to have. Values are as
// policy.Report has them, so no secret is among them.
type Intended struct {
	Values  map[string]policy.Reported `json:"values"`
	SavedAt time.Time                  `json:"savedAt"`
	SavedBy string                     `json:"savedBy"`
}

// Difference is a key whose value in force is not the intended one. A value
// that was not reported is nil.
type Difference struct {
	Key               string
	Intended, InForce any
}

// IntendedPolicy is the one saved last; there is false where none was.
func (k *Desk) IntendedPolicy(ctx context.Context) (in Intended, there bool, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		in, there, err = intended(ctx, tx)
		return err
	})
	return in, there, err
}

func intended(ctx context.Context, tx *sql.Tx) (in Intended, there bool, err error) {
	raw, err := directory.Recall(ctx, tx, intendedPolicy)
	switch {
	case errors.Is(err, directory.ErrNotFound) || err == nil && raw == "":
		return Intended{}, false, nil
	case err != nil:
		return Intended{}, false, err
	}
	if err := json.Unmarshal([]byte(raw), &in); err != nil {
		return Intended{}, false, fmt.Errorf("read the intended policy: %w", err)
	}
	return in, true, nil
}

// SaveIntendedPolicy keeps what a profile says but its secrets; nil keeps none
// any more.
func (k *Desk) SaveIntendedPolicy(ctx context.Context, p *policy.Policy) error {
	return k.update(ctx, access.SettingsManage, func(tx *sql.Tx) error {
		before, _, err := intended(ctx, tx)
		if err != nil {
			return err
		}
		after, raw := Intended{SavedAt: k.Now(), SavedBy: access.CallerOf(ctx).Login}, []byte{}
		if p != nil {
			after.Values = p.Report()
			if raw, err = json.Marshal(after); err != nil {
				return fmt.Errorf("encode the intended policy: %w", err)
			}
		}
		if err := directory.Remember(ctx, tx, intendedPolicy, string(raw)); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ConfigurationUpdate, Message: "Intended policy of the Macs saved by an admin",
			Detail: changedKeys(before, after)})
	})
}

// changedKeys are the old and new values of what differs.
func changedKeys(before, after Intended) map[string]string {
	detail := map[string]string{}
	for key := range union(before.Values, after.Values) {
		was, is := asJSON(before.Values[key].Value), asJSON(after.Values[key].Value)
		if was != is {
			detail[key] = was + " -> " + is
		}
	}
	return detail
}

func union(a, b map[string]policy.Reported) map[string]bool {
	all := map[string]bool{}
	for _, m := range []map[string]policy.Reported{a, b} {
		for key := range maps.Keys(m) {
			all[key] = true
		}
	}
	return all
}

// Differences holds what a Mac reported of its policy in force against what is
// intended, in the order of the keys. A Mac that reported nothing that can be
// read differs in nothing that could be told.
func (in Intended) Differences(effective json.RawMessage) (out []Difference) {
	var inForce map[string]policy.Reported
	if json.Unmarshal(effective, &inForce) != nil || len(inForce) == 0 {
		return nil
	}
	for key, want := range in.Values {
		if is := inForce[key]; asJSON(is.Value) != asJSON(want.Value) {
			out = append(out, Difference{Key: key, Intended: want.Value, InForce: is.Value})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// asJSON is a value as JSON has it: 60 and 60.0 are one.
func asJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(raw))
}
