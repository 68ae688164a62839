package store

import (
	"crypto/rand"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// Micros is how a time stands in the database: microseconds since the Unix
// epoch, UTC. The zero time is NULL.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

// NewID is an id with 85 random bits behind a prefix that says what it names.
func NewID(prefix string) string { return prefix + strings.ToLower(rand.Text())[:17] }

// Fold is how a name is compared without regard to case.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Contains is a LIKE pattern, with ESCAPE '\', for folded texts that hold q.
func Contains(q string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(Fold(q)) + "%"
}

// Among is a list for IN (…), and its values after args. The number of values is
// made a power of two by repeating the last, so that there are few statements
// for the database to prepare. There must be a value.
func Among(args []any, values []string) (list string, with []any) {
	n := powerOfTwo(len(values))
	var b strings.Builder
	with = append(make([]any, 0, len(args)+n), args...)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		with = append(with, values[min(i, len(values)-1)])
		argument(&b, len(with))
	}
	return b.String(), with
}

// Rows is a list for VALUES …, of which each column has one of kinds (TEXT,
// BIGINT), and its values after args. As with Among their number is made a power
// of two by repeating the last, which there must be; they are the columns column1,
// column2 and so on of who selects from it.
func Rows(args []any, kinds []string, rows [][]any) (list string, with []any) {
	n := powerOfTwo(len(rows))
	var b strings.Builder
	with = append(make([]any, 0, len(args)+n*len(kinds)), args...)
	for i := range n {
		separator := ", ("
		if i == 0 {
			separator = "("
		}
		for k, value := range rows[min(i, len(rows)-1)] {
			with = append(with, value)
			b.WriteString(separator)
			separator = ", "
			if i > 0 {
				argument(&b, len(with))
				continue
			}
			// PostgreSQL takes the kind of a column from its first row.
			b.WriteString("CAST(")
			argument(&b, len(with))
			b.WriteString(" AS " + kinds[k] + ")")
		}
		b.WriteString(")")
	}
	return b.String(), with
}

func argument(b *strings.Builder, n int) {
	b.WriteString("$")
	b.WriteString(strconv.Itoa(n))
}

// powerOfTwo is the first that is n or more.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
