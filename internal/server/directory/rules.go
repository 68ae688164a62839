package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// deskRules is the name of the help desk's rules in the database.
const deskRules = "desk_rules"

// DeskRules are what an org asks of its help desk before a PIN.
type DeskRules struct {
	// AccountsPerHour is for how many distinct accounts an administrator may
	// generate PINs in an hour, 1 to 10000; 0 leaves it to the server's flag.
	AccountsPerHour int `json:"accounts_per_hour"`
	// Checklist is what to check of the caller, up to 20 lines of 200 characters.
	Checklist []string `json:"checklist"`
}

// Rules are the org's. One that never changed them asks for three checks that
// every help desk can make.
func Rules(ctx context.Context, tx *sql.Tx) (DeskRules, error) {
	raw, err := Recall(ctx, tx, deskRules)
	if errors.Is(err, ErrNotFound) {
		return DeskRules{Checklist: []string{
			"The caller is who they say, by the procedure of our organization",
			"The serial number and the computer name are read off the Mac's screen, and are those above",
			"The caller has asked for this, and knows that whoever has the PIN and the password can sign in",
		}}, nil
	}
	if err != nil {
		return DeskRules{}, err
	}
	var r DeskRules
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return DeskRules{}, fmt.Errorf("read the rules of the help desk: %w", err)
	}
	return r, nil
}

// SaveRules replaces the org's rules of the help desk.
func SaveRules(ctx context.Context, tx *sql.Tx, r DeskRules) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the rules of the help desk: %w", err)
	}
	return Remember(ctx, tx, deskRules, string(raw))
}
