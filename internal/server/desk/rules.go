package desk

import (
	"cmp"
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Bounds of the org's rules.
const (
	maxChecks          = 20
	maxCheck           = 200
	maxAccountsPerHour = 10_000
	minEventDays       = 30 // the events of a month are the least that an inquiry needs
	maxEventDays       = 3650
)

// OrgRules are the org's rules, with the cap that is in force.
func (k *Desk) OrgRules(ctx context.Context) (r directory.OrgRules, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		r, err = directory.Rules(ctx, tx)
		return err
	})
	r.AccountsPerHour = cmp.Or(r.AccountsPerHour, k.Book.Cap())
	return r, err
}

// SaveOrg stores settings and rules together, as one form has them. Errors:
// *InvalidError, and nothing of either is stored.
func (k *Desk) SaveOrg(ctx context.Context, s Settings, r directory.OrgRules) error {
	return k.update(ctx, access.SettingsManage, func(tx *sql.Tx) error {
		if err := checkRules(&r); err != nil {
			return err
		}
		before, err := directory.Rules(ctx, tx)
		if err != nil {
			return err
		}
		before.AccountsPerHour = cmp.Or(before.AccountsPerHour, k.Book.Cap())
		detail, err := k.saveSettings(ctx, tx, func(into *Settings) { *into = s })
		if err != nil {
			return err
		}
		if err := directory.SaveRules(ctx, tx, r); err != nil {
			return err
		}
		if a, b := before.AccountsPerHour, r.AccountsPerHour; a != b {
			detail["accountsPerHour"] = strconv.Itoa(a) + " -> " + strconv.Itoa(b)
		}
		if a, b := strings.Join(before.Checklist, " / "), strings.Join(r.Checklist, " / "); a != b {
			detail["checklist"] = a + " -> " + b
		}
		if a, b := before.AllowOwn, r.AllowOwn; a != b {
			detail["allowOwn"] = strconv.FormatBool(a) + " -> " + strconv.FormatBool(b)
		}
		if a, b := before.EventDays, r.EventDays; a != b {
			detail["eventDays"] = strconv.Itoa(a) + " -> " + strconv.Itoa(b)
		}
		if len(detail) == 0 {
			return nil // nothing was changed
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ConfigurationUpdate, Message: "Desktop MFA configuration updated by an admin", Detail: detail})
	})
}

func checkRules(r *directory.OrgRules) error {
	if r.AccountsPerHour < 1 || r.AccountsPerHour > maxAccountsPerHour {
		return invalid("accountsPerHour", "%d, want 1 to %d", r.AccountsPerHour, maxAccountsPerHour)
	}
	if len(r.Checklist) > maxChecks {
		return invalid("checklist", "%d lines, at most %d", len(r.Checklist), maxChecks)
	}
	if d := r.EventDays; d != 0 && (d < minEventDays || d > maxEventDays) {
		return invalid("eventDays", "%d, want %d to %d, or 0 to keep all", d, minEventDays, maxEventDays)
	}
	for i, line := range r.Checklist {
		var err error
		if r.Checklist[i], err = text("checklist", line, maxCheck, true); err != nil {
			return err
		}
	}
	return nil
}

// OldAgent reports whether a Mac's agent is older than the org welcomes.
func (k *Desk) OldAgent(version string) bool { return k.MinAgent != "" && older(version, k.MinAgent) }
