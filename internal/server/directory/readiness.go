package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Lack is a prerequisite of recovery that an active Mac does not have. A Mac
// can have more than one. What a check-in reports is not missed of one that
// never checked in: it is counted for that alone.
type Lack string

// The lacks.
const (
	LacksConfirmation Lack = "unconfirmed"      // nobody has confirmed that its certificate is its own
	LacksCheckIn      Lack = "never_checked_in" // it enrolled, and was not heard of since
	LacksAgent        Lack = "old_agent"        // its daemon is older than is welcome
	LacksArming       Lack = "not_armed"        // the login window does not ask Latchkey
	LacksSecret       Lack = "no_secret"        // no governed account has a registered secret
	LacksFreshSecret  Lack = "old_secret"       // a governed account's secret is older than its policy allows
)

// Lacks are all of them, in the order in which they are put right.
func Lacks() []Lack {
	return []Lack{LacksConfirmation, LacksCheckIn, LacksAgent, LacksArming, LacksSecret, LacksFreshSecret}
}

// Criteria are what readiness is judged by, beside what is stored.
type Criteria struct {
	Now       time.Time
	OldAgents []string // versions of the daemon that are too old
}

// lacking are the ids of Macs with a lack, from an index of its own: $1 is the
// time, $2 the old versions as a JSON array.
func (l Lack) lacking() string {
	switch l {
	case LacksConfirmation:
		return `SELECT lacks_confirmation AS id FROM devices WHERE lacks_confirmation IS NOT NULL`
	case LacksCheckIn:
		return `SELECT lacks_check_in AS id FROM devices WHERE lacks_check_in IS NOT NULL`
	case LacksAgent:
		return `SELECT id FROM devices WHERE active_agent IN (SELECT value FROM json_each($2))`
	case LacksArming:
		return `SELECT lacks_arming AS id FROM devices WHERE lacks_arming IS NOT NULL`
	case LacksSecret:
		return `SELECT lacks_secret AS id FROM devices WHERE lacks_secret IS NOT NULL`
	case LacksFreshSecret:
		// The sign keeps the primary key out of it: by that, a page where few have
		// the lack would read all Macs.
		return `SELECT +id AS id FROM devices WHERE secret_until < $1`
	}
	return `SELECT '' AS id WHERE FALSE`
}

func (c Criteria) args() ([]any, error) {
	agents, err := json.Marshal(c.OldAgents)
	if err != nil {
		return nil, fmt.Errorf("encode the old versions: %w", err)
	}
	return []any{store.Micros(c.Now), string(agents)}, nil
}

// Readiness is how many Macs are ready for recovery, and how many lack what.
type Readiness struct {
	Active int          // Macs that are not suspended or deactivated
	Ready  int          // of them, those without a lack
	Lack   map[Lack]int // of them, those with each
}

// CountReadiness counts by indexes: what is read grows with the Macs that lack
// something, and by an entry each for the others.
func CountReadiness(ctx context.Context, tx *sql.Tx, c Criteria) (Readiness, error) {
	out := Readiness{Lack: map[Lack]int{}}
	args, err := c.args()
	if err != nil {
		return out, err
	}
	only, args := limited(ctx, "id", macsOfMembers, "1 = 1", args)
	all := []string{}
	for _, l := range Lacks() {
		all = append(all, l.lacking())
		n := 0
		if err := tx.QueryRowContext(ctx, countOf(l.lacking(), only), args...).Scan(&n); err != nil {
			return out, fmt.Errorf("count the devices that are %s: %w", l, err)
		}
		out.Lack[l] = n
	}
	var seen, unready int
	err = tx.QueryRowContext(ctx, `SELECT (`+countOf(`SELECT id FROM devices WHERE active_agent IS NOT NULL`, only)+`), (`+
		countOf(strings.Join(all, " UNION "), only)+`)`, args...).Scan(&seen, &unready)
	if err != nil {
		return out, fmt.Errorf("count the active devices: %w", err)
	}
	out.Active = seen + out.Lack[LacksCheckIn]
	out.Ready = out.Active - unready
	return out, nil
}

// countOf is how many of the ids are among those that where picks.
func countOf(ids, where string) string {
	return `SELECT count(*) FROM (` + ids + `) WHERE ` + where
}

// Lacking are the Macs with a lack, by id.
func Lacking(ctx context.Context, tx *sql.Tx, l Lack, c Criteria, p Page) ([]Device, error) {
	args, err := c.args()
	if err != nil {
		return nil, err
	}
	only, args := limited(ctx, "id", macsOfMembers, "id > $3", append(args, p.After))
	return devicesWhere(ctx, tx, `d.id IN (`+l.page(only, p)+`) ORDER BY d.id`, args...)
}

// page are the ids of one page, of those that where picks; $3 is the id before it.
func (l Lack) page(where string, p Page) string {
	return fmt.Sprintf(`SELECT id FROM (%s) WHERE %s ORDER BY id LIMIT %d`, l.lacking(), where, p.limit())
}

// distinctAgents goes from one version to the next, so that it reads an entry
// for each version and not for each Mac.
const distinctAgents = `WITH RECURSIVE version (agent) AS (
		SELECT min(active_agent) FROM devices WHERE active_agent IS NOT NULL
		UNION ALL
		SELECT (SELECT min(active_agent) FROM devices WHERE active_agent > version.agent) FROM version WHERE version.agent IS NOT NULL)
	SELECT agent FROM version WHERE agent IS NOT NULL`

// Agents are the versions of the daemon that active Macs report.
func Agents(ctx context.Context, tx *sql.Tx) ([]string, error) {
	one := func(s store.Scanner) (v string, err error) { err = s.Scan(&v); return v, err }
	found, err := store.All(ctx, tx, one, distinctAgents)
	if err != nil {
		return nil, fmt.Errorf("list the versions of the daemon: %w", err)
	}
	return found, nil
}
