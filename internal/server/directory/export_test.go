package directory

import "fmt"

// What the queries of lists are, for the plans that they have.
const DistinctAgents = distinctAgents

func (l Lack) Page(p Page) string { return l.page("id > $3", p) }

func (l Lack) Count() string { return countOf(l.lacking(), "1 = 1") }

func ByPrefix(limit int) string { return byPrefix(limit) }

func MacsOfMembers() string { return fmt.Sprintf(macsOfMembers, 1) }
