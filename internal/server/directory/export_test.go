package directory

// What the queries of lists are, for the plans that they have.
const DistinctAgents = distinctAgents

func (l Lack) Page(p Page) string { return l.page(p) }

func (l Lack) Count() string { return countOf(l.lacking()) }

func ByPrefix(limit int) string { return byPrefix(limit) }
