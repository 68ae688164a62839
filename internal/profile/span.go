package profile

import (
	"fmt"
	"strconv"
	"time"
)

// span is a length of time in words, in the largest unit that it is a whole
// number of: 7 days, 48 hours, 90 minutes.
func span(d time.Duration) string {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= u.length && d%u.length == 0 && (u.name != "day" || d >= 72*time.Hour) {
			return plural(int(d/u.length), u.name)
		}
	}
	if d == 0 {
		return "no time"
	}
	return fmt.Sprintf("%s hours", strconv.FormatFloat(d.Hours(), 'g', 4, 64))
}
