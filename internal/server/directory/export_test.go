package directory

import (
	"context"
	"fmt"
)

// What the queries of lists are, for the plans that they have.
const DistinctAgents = distinctAgents

func (l Lack) Page(c Criteria, p Page) (string, []any) { return l.page(context.Background(), c, p) }

func (l Lack) Count(c Criteria) (string, []any) { return counting(context.Background(), c, l) }

func ByPrefix(limit int) string { return byPrefix(limit) }

func MacsOfMembers() string { return fmt.Sprintf(macsOfMembers, 1) }

const (
	OfLogin     = `SELECT id FROM os_accounts a WHERE ` + ofLogin
	MacsOfLogin = `SELECT id FROM devices d WHERE ` + macsOfLogin
)
