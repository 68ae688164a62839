package lockout

import "time"

// The numbers of the rule.
const (
	Misses  = 5 // in a row, until the first wait
	First   = time.Minute
	Longest = time.Hour
)

// After is how long to wait after that many misses in a row.
func After(misses int) time.Duration {
	wait := First
	for range misses - Misses {
		if wait = 2 * wait; wait >= Longest {
			return Longest
		}
	}
	if misses < Misses {
		return 0
	}
	return wait
}
