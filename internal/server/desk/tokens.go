package desk

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// NewToken is an API token that is to be made.
type NewToken struct {
	Name, Login string
	Role        access.Role
	Scopes      []string      // names; none is all that the role may
	Groups      []string      // of users, by name; none is the whole org
	Life        time.Duration // up to access.MaxLife; 0 is access.UsualLife
}

// check is who the token is for.
func (n NewToken) check() (c access.Caller, err error) {
	if c.Name, err = text("name", n.Name, maxName, true); err != nil {
		return c, err
	}
	if c.Login, err = text("login", n.Login, maxName, true); err != nil {
		return c, err
	}
	if n.Life < time.Minute || n.Life > access.MaxLife {
		return c, invalid("expiry", "want at most %d days", access.MaxLife/(24*time.Hour))
	}
	c.Role, c.Groups = n.Role, n.Groups
	c.Scopes, err = access.ReadScopes(n.Scopes)
	return c, err
}

// Tokens are all API tokens, the newest first.
func (k *Desk) Tokens(ctx context.Context) (found []access.Token, err error) {
	err = k.view(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		found, err = access.List(ctx, tx)
		return err
	})
	return found, err
}

// CreateToken makes a token and returns its text, which is shown once. A caller
// whose own token has scopes gives no others. Errors: *InvalidError,
// access.ErrValue.
func (k *Desk) CreateToken(ctx context.Context, n NewToken) (made access.Token, secret string, err error) {
	if n.Life == 0 {
		n.Life = access.UsualLife
	}
	err = k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		c, err := n.check()
		if err != nil {
			return err
		}
		if mine := access.CallerOf(ctx).Scopes; len(mine) > 0 {
			beyond := func(p access.Permission) bool { return !slices.Contains(mine, p) }
			if len(c.Scopes) == 0 || slices.ContainsFunc(c.Scopes, beyond) {
				return fmt.Errorf("scopes %v: the caller's token has %v and gives no others: %w", c.Scopes, mine, access.ErrValue)
			}
		}
		now := k.Now()
		made = access.Token{CreatedAt: now, ExpiresAt: now.Add(n.Life)}
		if secret, c.TokenID, err = access.Create(ctx, tx, c, now, made.ExpiresAt); err != nil {
			return err
		}
		c.Role = access.Role(store.Fold(string(c.Role)))
		made.Caller = c
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.TokenCreate, Severity: systemlog.Warn, Message: "API token created", Targets: []systemlog.Target{tokenTarget(c)}, Detail: tokenDetail(c)})
	})
	return made, secret, err
}

// RevokeToken ends a token. Errors: access.ErrUnknown.
func (k *Desk) RevokeToken(ctx context.Context, id string) error {
	return k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		if err := access.Revoke(ctx, tx, id, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.TokenRevoke, Message: "API token revoked", Targets: []systemlog.Target{{ID: id, Type: "Token"}}})
	})
}

func tokenTarget(c access.Caller) systemlog.Target {
	return systemlog.Target{ID: c.TokenID, Type: "Token", AlternateID: c.Login, DisplayName: c.Name}
}

func tokenDetail(c access.Caller) map[string]string {
	scopes := make([]string, 0, len(c.Scopes))
	for _, p := range c.Scopes {
		scopes = append(scopes, string(p))
	}
	return map[string]string{"role": string(c.Role), "scopes": strings.Join(scopes, " "), "groups": strings.Join(c.Groups, ", ")}
}
