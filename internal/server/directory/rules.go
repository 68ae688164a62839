package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// orgRules is the name of the org's rules in the database.
const orgRules = "org_rules"

// OrgRules are the org's own, of which Macs do not hear.
type OrgRules struct {
	// AccountsPerHour is for how many distinct accounts an administrator may
	// generate PINs in an hour, 1 to 10000; 0 leaves it to the server's flag.
	AccountsPerHour int `json:"accounts_per_hour"`
	// Checklist is what to check of the caller, up to 20 lines of 200 characters.
	Checklist []string `json:"checklist"`
	// AllowOwn lets administrators generate a PIN for an account of their own.
	AllowOwn bool `json:"allow_own"`
	// EventDays is how long events are kept, 30 to 3650 days; 0 is for ever.
	EventDays int `json:"event_days"`
}

// Rules are the org's. One that never changed them asks for three checks that
// every help desk can make.
func Rules(ctx context.Context, tx *sql.Tx) (OrgRules, error) {
	raw, err := Recall(ctx, tx, orgRules)
	if errors.Is(err, ErrNotFound) {
		return OrgRules{Checklist: []string{
			"The caller is who they say, by the procedure of our organization",
			"The serial number and the computer name are read off the Mac's screen, and are those above",
			"The caller has asked for this, and knows that whoever has the PIN and the password can sign in",
		}}, nil
	}
	if err != nil {
		return OrgRules{}, err
	}
	var r OrgRules
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return OrgRules{}, fmt.Errorf("read the rules of the org: %w", err)
	}
	return r, nil
}

// SaveRules replaces the org's rules.
func SaveRules(ctx context.Context, tx *sql.Tx, r OrgRules) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the rules of the org: %w", err)
	}
	return Remember(ctx, tx, orgRules, string(raw))
}
