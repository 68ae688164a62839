package desk

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// Readiness is how many active Macs are ready for recovery, and how many fail
// which prerequisite of it. A Mac can fail more than one.
func (k *Desk) Readiness(ctx context.Context) (out directory.Readiness, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		c, err := k.criteria(ctx, tx)
		if err != nil {
			return err
		}
		out, err = directory.CountReadiness(ctx, tx, c)
		return err
	})
	return out, err
}

// NotReady are the active Macs that fail one prerequisite, by id. Errors:
// *InvalidError where it is none of directory.Lacks.
func (k *Desk) NotReady(ctx context.Context, reason directory.Lack, p directory.Page) (found []directory.Device, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		if !slices.Contains(directory.Lacks(), reason) {
			return invalid("reason", "%q, want one of %v", reason, directory.Lacks())
		}
		c, err := k.criteria(ctx, tx)
		if err != nil {
			return err
		}
		found, err = directory.Lacking(ctx, tx, reason, c, p)
		return err
	})
	return found, err
}

func (k *Desk) criteria(ctx context.Context, tx *sql.Tx) (directory.Criteria, error) {
	c := directory.Criteria{Now: k.Now(), OldAgents: []string{}}
	if k.MinAgent == "" {
		return c, nil
	}
	agents, err := directory.Agents(ctx, tx)
	for _, v := range agents {
		if older(v, k.MinAgent) {
			c.OldAgents = append(c.OldAgents, v)
		}
	}
	return c, err
}

// older: version a comes before b, number by number. What is no number is 0,
// so that a version nobody can read is looked at; what follows a hyphen or a
// plus sign is left out.
func older(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) < 0
}

// numbers are those of a version, without zeros at its end: 1.2.0 is 1.2.
func numbers(version string) []uint64 {
	version = strings.TrimPrefix(strings.TrimSpace(version), "v")
	if end := strings.IndexAny(version, "-+ "); end >= 0 {
		version = version[:end]
	}
	var out []uint64
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			n = 0
		}
		out = append(out, n)
	}
	for len(out) > 0 && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}
