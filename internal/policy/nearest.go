package policy

import "strings"

// Nearest is the candidate that a person most likely meant: the one with the
// fewest letters changed, added, left out or swapped, case aside, if that is
// few enough for its length.
func Nearest(written string, candidates []string) (string, bool) {
	best, most := "", -1
	for _, c := range candidates {
		limit := max(2, len(c)/4)
		// Spares the table for what is far off anyway, such as a kilobyte of name.
		if len(written) > len(c)+limit {
			continue
		}
		if d := distance(strings.ToLower(written), strings.ToLower(c)); d <= limit && (most < 0 || d < most) {
			best, most = c, d
		}
	}
	return best, most >= 0
}

// distance is the optimal string alignment distance, over bytes.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
