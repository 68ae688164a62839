package store

import (
	"crypto/rand"
	"database/sql"
	"fmt"
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
	n := 1
	for n < len(values) {
		n *= 2
	}
	var b strings.Builder
	with = args[:len(args):len(args)]
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		with = append(with, values[min(i, len(values)-1)])
		fmt.Fprintf(&b, "$%d", len(with))
	}
	return b.String(), with
}
