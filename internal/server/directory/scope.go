package directory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// The folded logins of those whom a scope names, and the Macs with an account
// that is linked, or linked ahead, to one of them; %[1]d is the number of the
// argument with the holder. A name that is only like a login is nobody's here:
// who chooses the short name of an account must not choose who sees it.
const (
	members = `SELECT m.login_key FROM scopes s JOIN user_group_members m ON m.group_id = s.group_id WHERE s.holder = $%[1]d`

	macsOfMembers = `SELECT o.device_id FROM os_accounts o WHERE o.linked_key <> '' AND o.linked_key IN (` + members + `)
		UNION SELECT o.device_id FROM os_accounts o WHERE o.prelink_key <> '' AND o.prelink_key IN (` + members + `)`
)

// The accounts that are linked, or linked ahead, to the login $1, and the Macs
// that have one. The indexes have no place for an account without a login.
const (
	ofLogin     = `(a.linked_key <> '' AND a.linked_key = $1 OR a.prelink_key <> '' AND a.prelink_key = $1)`
	macsOfLogin = `d.id IN (SELECT a.device_id FROM os_accounts a WHERE ` + ofLogin + `)`
)

// limited is where with the scope of the caller in ctx in front: column must be
// among the ids. It is within the queries of this package, by which all find
// Macs and people, so that no page and no endpoint can forget it. Without a
// caller, as for a Mac that checks in, nothing is added.
func limited(ctx context.Context, column, ids, where string, args []any) (string, []any) {
	c := access.CallerOf(ctx)
	if !c.Scoped() {
		return where, args
	}
	args = append(slices.Clone(args), c.TokenID)
	return fmt.Sprintf(column+` IN (`+ids+`) AND `, len(args)) + where, args
}

// InScope reports whether the caller in ctx may act on an account. Of a Mac in
// their scope they see the others too.
func InScope(ctx context.Context, tx *sql.Tx, a Account) (bool, error) {
	c := access.CallerOf(ctx)
	if !c.Scoped() {
		return true, nil
	}
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (`+fmt.Sprintf(members, 1)+`) AS theirs WHERE login_key IN ($2, $3)`,
		c.TokenID, store.Fold(a.Linked), store.Fold(a.Prelink)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look whether account %s is in the scope of %s: %w", a.ID, c.TokenID, err)
	}
	return n > 0, nil
}
