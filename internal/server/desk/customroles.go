package desk

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// CustomRoles are the roles that the org made, by key.
func (k *Desk) CustomRoles(ctx context.Context) (found []access.CustomRole, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		found, err = access.CustomRoles(ctx, tx)
		return err
	})
	return found, err
}

// CreateRole makes a role of some permissions. Errors: access.ErrValue,
// access.ErrRoleTaken.
func (k *Desk) CreateRole(ctx context.Context, name string, holds []access.Permission) (made access.CustomRole, err error) {
	err = k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		if made, err = access.CreateRole(ctx, tx, name, holds, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, roleEvent(systemlog.RoleCreate, "Custom role created", made, fmt.Sprint(made.Permissions)))
	})
	return made, err
}

// ChangeRole gives a role other permissions, for all who have it at once.
// Errors: access.ErrNoRole, access.ErrValue.
func (k *Desk) ChangeRole(ctx context.Context, key access.Role, holds []access.Permission) error {
	return k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		before, after, err := access.ChangeRole(ctx, tx, key, holds, k.Now())
		if err != nil {
			return err
		}
		return k.event(ctx, tx, roleEvent(systemlog.RoleUpdate, "Custom role changed", after, fmt.Sprintf("%v -> %v", before.Permissions, after.Permissions)))
	})
}

// DeleteRole removes a role that nobody has. Errors: access.ErrNoRole,
// access.ErrRoleHeld.
func (k *Desk) DeleteRole(ctx context.Context, key access.Role) error {
	return k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		gone, err := access.DeleteRole(ctx, tx, key, k.Now())
		if err != nil {
			return err
		}
		return k.event(ctx, tx, roleEvent(systemlog.RoleDelete, "Custom role deleted", gone, fmt.Sprint(gone.Permissions)))
	})
}

func roleEvent(kind, message string, r access.CustomRole, permissions string) systemlog.Event {
	return systemlog.Event{Type: kind, Message: message, Severity: systemlog.Warn, Detail: map[string]string{"permissions": permissions},
		Targets: []systemlog.Target{{ID: string(r.Key), Type: "Role", AlternateID: string(r.Key), DisplayName: r.Name}}}
}
