package directory

import (
	"context"
	"database/sql"
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

// mostAgents bounds the arguments of a query; databases have bounds of their own.
const mostAgents = 30_000

// lacking are the ids of Macs with a lack, from an index of its own. What the
// query is asked with is appended to args: PostgreSQL takes none that is unused.
func (l Lack) lacking(c Criteria, args *[]any) string {
	switch l {
	case LacksConfirmation:
		return `SELECT lacks_confirmation AS id FROM devices WHERE lacks_confirmation IS NOT NULL`
	case LacksCheckIn:
		return `SELECT lacks_check_in AS id FROM devices WHERE lacks_check_in IS NOT NULL`
	case LacksAgent:
		return `SELECT id FROM devices WHERE ` + among("active_agent", c.OldAgents, args)
	case LacksArming:
		return `SELECT lacks_arming AS id FROM devices WHERE lacks_arming IS NOT NULL`
	case LacksSecret:
		return `SELECT lacks_secret AS id FROM devices WHERE lacks_secret IS NOT NULL`
	case LacksFreshSecret:
		// What is appended to id keeps the primary key out of it: by that, a page
		// where few have the lack would read all Macs.
		*args = append(*args, store.Micros(c.Now))
		return fmt.Sprintf(`SELECT id || '' AS id FROM devices WHERE secret_until < $%d`, len(*args))
	}
	return `SELECT '' AS id WHERE FALSE`
}

// among is a condition: the column is one of the texts.
func among(column string, texts []string, args *[]any) string {
	if len(texts) == 0 {
		return "FALSE"
	}
	var places []string
	for _, v := range texts[:min(len(texts), mostAgents)] {
		*args = append(*args, v)
		places = append(places, fmt.Sprintf("$%d", len(*args)))
	}
	return column + " IN (" + strings.Join(places, ", ") + ")"
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
	for _, l := range Lacks() {
		n, err := countOf(ctx, tx, c, l)
		if err != nil {
			return out, fmt.Errorf("count the devices that are %s: %w", l, err)
		}
		out.Lack[l] = n
	}
	unready, err := countOf(ctx, tx, c, Lacks()...)
	if err != nil {
		return out, fmt.Errorf("count the active devices: %w", err)
	}
	var seen int
	only, args := limited(ctx, "id", macsOfMembers, "active_agent IS NOT NULL", nil)
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM devices WHERE `+only, args...).Scan(&seen); err != nil {
		return out, fmt.Errorf("count the active devices: %w", err)
	}
	out.Active = seen + out.Lack[LacksCheckIn]
	out.Ready = out.Active - unready
	return out, nil
}

// countOf is how many Macs have one of the lacks.
func countOf(ctx context.Context, tx *sql.Tx, c Criteria, lacks ...Lack) (n int, err error) {
	query, args := counting(ctx, c, lacks...)
	err = tx.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

func counting(ctx context.Context, c Criteria, lacks ...Lack) (string, []any) {
	var args []any
	var ids []string
	for _, l := range lacks {
		ids = append(ids, l.lacking(c, &args))
	}
	only, args := limited(ctx, "id", macsOfMembers, "1 = 1", args)
	return `SELECT count(*) FROM (` + strings.Join(ids, " UNION ") + `) AS lacking WHERE ` + only, args
}

// Lacking are the Macs with a lack, by id.
func Lacking(ctx context.Context, tx *sql.Tx, l Lack, c Criteria, p Page) ([]Device, error) {
	ids, args := l.page(ctx, c, p)
	return devicesWhere(ctx, tx, `d.id IN (`+ids+`) ORDER BY d.id`, args...)
}

// page are the ids of one page.
func (l Lack) page(ctx context.Context, c Criteria, p Page) (string, []any) {
	var args []any
	ids := l.lacking(c, &args)
	args = append(args, p.After)
	only, args := limited(ctx, "id", macsOfMembers, fmt.Sprintf("id > $%d", len(args)), args)
	return fmt.Sprintf(`SELECT id FROM (%s) AS lacking WHERE %s ORDER BY id LIMIT %d`, ids, only, p.limit()), args
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
