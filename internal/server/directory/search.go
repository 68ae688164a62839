package directory

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// byPrefix are the ids of Macs by the beginning of a name. Each part has an
// index, and ends at the limit: $1 and $2 are the bounds of what begins so. The
// indexes of logins leave out the accounts without one, and are used by who says
// that they want none of these.
func byPrefix(limit int) string {
	part := func(id, from, key string) string {
		return fmt.Sprintf(`SELECT id FROM (SELECT %s AS id FROM %s WHERE %s >= $1 AND %s < $2 AND %s <> '' ORDER BY %s LIMIT %d) AS part`, id, from, key, key, key, key, limit)
	}
	return part("d.id", "devices d", "d.serial_key") +
		" UNION " + part("d.id", "devices d", "d.name_key") +
		" UNION " + part("a.device_id", "os_accounts a", "lower(a.name)") +
		" UNION " + part("a.device_id", "account_names n JOIN os_accounts a ON a.id = n.account_id", "n.part") +
		" UNION " + part("a.device_id", "os_accounts a", "a.linked_key") +
		" UNION " + part("a.device_id", "os_accounts a", "a.prelink_key") +
		" UNION " + ofUsers(limit, "a.linked_key") + " UNION " + ofUsers(limit, "a.prelink_key")
}

// ofUsers are the Macs with an account of a user of the org, whose login stands
// in column: of the first users that are found so, since not all have a Mac, and
// those of one letter are very many.
func ofUsers(limit int, column string) string {
	users := func(key string) string {
		return fmt.Sprintf(`SELECT login_key FROM (SELECT u.login_key FROM users u WHERE %s >= $1 AND %s < $2 ORDER BY %s LIMIT %d) AS part`, key, key, key, min(4*limit, math.MaxInt32))
	}
	return fmt.Sprintf(`SELECT id FROM (SELECT a.device_id AS id FROM (%s UNION %s UNION %s) AS found JOIN os_accounts a ON %s = found.login_key AND %s <> '' LIMIT %d) AS part`,
		users("lower(u.email)"), users("lower(u.first_name)"), users("lower(u.last_name)"), column, column, limit)
}

// maxParts is how many words of a name it is found by, and longestPart how much
// of it, in characters: as migration 00015 has them.
const (
	maxParts    = 6
	longestPart = 128
)

// nameParts is a folded name from each of its words on: "amy van example",
// "van example" and "example".
func nameParts(name string) (parts []string) {
	words := strings.Fields(store.Fold(name))
	for i := range min(len(words), maxParts) {
		part := []rune(strings.Join(words[i:], " "))
		parts = append(parts, string(part[:min(len(part), longestPart)]))
	}
	return parts
}

// DevicesByPrefix are up to limit Macs whose serial number or computer name
// begins with q, or the short name, org login or e-mail of one of their users, or
// a word of their full name; by serial number. An empty q finds none. Unlike Devices it never reads them
// all, which is for lists that change with each key.
func DevicesByPrefix(ctx context.Context, tx *sql.Tx, q string, limit int) ([]Device, error) {
	from := strings.Join(strings.Fields(store.Fold(q)), " ")
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
