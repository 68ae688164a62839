package directory

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// byPrefix are the ids of Macs by the beginning of a name. Each part has an
// index, and ends at the limit: $1 and $2 are the bounds of what begins so.
func byPrefix(limit int) string {
	part := func(id, from, key string) string {
		return fmt.Sprintf(`SELECT id FROM (SELECT %s AS id FROM %s WHERE %s >= $1 AND %s < $2 ORDER BY %s LIMIT %d) AS part`, id, from, key, key, key, limit)
	}
	return part("d.id", "devices d", "d.serial_key") +
		" UNION " + part("d.id", "devices d", "d.name_key") +
		" UNION " + part("a.device_id", "os_accounts a", "lower(a.name)") +
		" UNION " + part("a.device_id", "os_accounts a", "a.linked_key") +
		" UNION " + part("a.device_id", "os_accounts a", "a.prelink_key") +
		" UNION " + part("a.device_id", "users u JOIN os_accounts a ON a.linked_key = u.login_key", "lower(u.email)") +
		" UNION " + part("a.device_id", "users u JOIN os_accounts a ON a.prelink_key = u.login_key", "lower(u.email)")
}

// DevicesByPrefix are up to limit Macs whose serial number or computer name
// begins with q, or the short name, org login or e-mail of one of their users;
// by serial number. An empty q finds none. Unlike Devices it never reads them
// all, which is for lists that change with each key.
func DevicesByPrefix(ctx context.Context, tx *sql.Tx, q string, limit int) ([]Device, error) {
	from := store.Fold(q)
	if from == "" {
		return []Device{}, nil
	}
	limit = Page{Limit: limit}.limit()
	parts := limit
	if access.CallerOf(ctx).Scoped() {
		// What others have would fill the parts, and hide what is theirs.
		parts = math.MaxInt32
	}
	return devicesWhere(ctx, tx, fmt.Sprintf(`d.id IN (%s) ORDER BY d.serial_key, d.id LIMIT %d`, byPrefix(parts), limit),
		from, from+string(utf8.MaxRune))
}
