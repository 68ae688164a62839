package signin

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Remove takes an account away, with its sessions and all that it proves itself
// with. What it did stays in the System Log. Errors: ErrNotFound, ErrState
// where it is not suspended or is the provider's, or the database's.
func (s *Service) Remove(ctx context.Context, tx *sql.Tx, id string, by By) (Admin, error) {
	r, err := adminByID(ctx, tx, id)
	if err != nil {
		return Admin{}, err
	}
	// As with Macs: what cannot be undone has a step before it that can. It also
	// keeps the last super admin, who cannot be suspended.
	if r.Status != Suspended {
		return Admin{}, fmt.Errorf("administrator %q is %s, and only one who is suspended is removed: %w", r.Login, r.Status, ErrState)
	}
	// The provider would make the account anew at its next sign-in, and that one
	// is not suspended.
	if r.Federated() && r.Issuer == s.issuer {
		return Admin{}, fmt.Errorf("administrator %q stays suspended, since the sign-in provider would bring a removed account back: %w", r.Login, ErrState)
	}
	if err := s.clear(ctx, tx, r); err != nil {
		return Admin{}, err
	}
	if err := access.SetScope(ctx, tx, r.ID, r.Role, nil); err != nil {
		return Admin{}, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM admins WHERE id = $1`, r.ID); err != nil {
		return Admin{}, fmt.Errorf("remove administrator %q: %w", r.Login, err)
	}
	return r.Admin, s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.UserDelete, Message: "Administrator removed", Severity: systemlog.Warn})
}
