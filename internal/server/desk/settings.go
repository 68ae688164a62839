package desk

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Settings are the org's.
func (k *Desk) Settings(ctx context.Context) (s wire.Settings, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		s, err = directory.Settings(ctx, tx)
		return err
	})
	return s, err
}

// SaveSettings stores what edit makes of the settings, which is run within the
// transaction, so that two who change different ones both have their way.
func (k *Desk) SaveSettings(ctx context.Context, edit func(*wire.Settings)) (s wire.Settings, err error) {
	err = k.update(ctx, access.SettingsManage, func(tx *sql.Tx) error {
		detail, err := k.saveSettings(ctx, tx, func(into *wire.Settings) { edit(into); s = *into })
		if err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ConfigurationUpdate, Message: "Desktop MFA configuration updated by an admin", Detail: detail})
	})
	return s, err
}

// saveSettings stores what edit makes of the settings, and returns the old and
// new values of what differs.
func (k *Desk) saveSettings(ctx context.Context, tx *sql.Tx, edit func(*wire.Settings)) (map[string]string, error) {
	before, err := directory.Settings(ctx, tx)
	if err != nil {
		return nil, err
	}
	s := before
	edit(&s)
	if before.Recovery && !s.Recovery {
		// What may no longer be used is not kept: the Macs erase theirs too.
		if err := k.Book.Erase(ctx, tx); err != nil {
			return nil, err
		}
	}
	return changes(before, s), directory.SaveSettings(ctx, tx, s)
}

// changes are the old and new values of what differs.
func changes(from, to wire.Settings) map[string]string {
	detail := map[string]string{}
	add := func(name string, a, b bool) {
		if a != b {
			detail[name] = strconv.FormatBool(a) + " -> " + strconv.FormatBool(b)
		}
	}
	add("recovery", from.Recovery, to.Recovery)
	add("endWindowOnEnrol", from.EndWindowOnEnrol, to.EndWindowOnEnrol)
	add("numberMatching", from.NumberMatching, to.NumberMatching)
	return detail
}
