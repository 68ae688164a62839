package desk

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Settings are the org's: those that Macs hear of, and those of phones and
// security keys.
type Settings struct {
	wire.Settings
	directory.Authenticators
}

func settings(ctx context.Context, tx *sql.Tx) (s Settings, err error) {
	if s.Settings, err = directory.Settings(ctx, tx); err == nil {
		s.Authenticators, err = directory.AuthenticatorSettings(ctx, tx)
	}
	return s, err
}

// Settings are the org's.
func (k *Desk) Settings(ctx context.Context) (s Settings, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		s, err = settings(ctx, tx)
		return err
	})
	return s, err
}

// SaveSettings stores what edit makes of the settings, which is run within the
// transaction, so that two who change different ones both have their way.
func (k *Desk) SaveSettings(ctx context.Context, edit func(*Settings)) (s Settings, err error) {
	err = k.update(ctx, access.SettingsManage, func(tx *sql.Tx) error {
		detail, err := k.saveSettings(ctx, tx, func(into *Settings) { edit(into); s = *into })
		if err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ConfigurationUpdate, Message: "Desktop MFA configuration updated by an admin", Detail: detail})
	})
	return s, err
}

// saveSettings stores what edit makes of the settings, and returns the old and
// new values of what differs.
func (k *Desk) saveSettings(ctx context.Context, tx *sql.Tx, edit func(*Settings)) (map[string]string, error) {
	before, err := settings(ctx, tx)
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
	return changes(before, s), errors.Join(directory.SaveSettings(ctx, tx, s.Settings), directory.SaveAuthenticatorSettings(ctx, tx, s.Authenticators))
}

// changes are the old and new values of what differs.
func changes(from, to Settings) map[string]string {
	detail := map[string]string{}
	add := func(name string, a, b bool) {
		if a != b {
			detail[name] = strconv.FormatBool(a) + " -> " + strconv.FormatBool(b)
		}
	}
	add("recovery", from.Recovery, to.Recovery)
	add("endWindowOnEnrol", from.EndWindowOnEnrol, to.EndWindowOnEnrol)
	add("numberMatching", from.NumberMatching, to.NumberMatching)
	add("keyUserVerification", from.KeyVerification, to.KeyVerification)
	add("webPush", from.WebPush, to.WebPush)
	return detail
}
