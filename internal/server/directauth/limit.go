package directauth

import (
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
)

// quiet is how long nobody may be refused for the next refusal to be told of
// again.
const quiet = time.Minute

// maxTold bounds what is kept in mind.
const maxTold = 10_000

// limit is how often somebody may ask, and whether a refusal is the first one of
// a burst.
type limit struct {
	pace *deviceapi.Pace

	mu      sync.Mutex
	refused map[string]time.Time // when last
}

func newLimit(perSecond float64, burst int) *limit {
	return &limit{pace: deviceapi.NewPace(perSecond, burst), refused: map[string]time.Time{}}
}

// over is how long to wait, 0 for not at all, and whether this is the first
// refusal of a burst.
func (l *limit) over(key string, now time.Time) (wait time.Duration, first bool) {
	if wait = l.pace.Wait(key, now); wait == 0 {
		return 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	last, there := l.refused[key]
	if len(l.refused) >= maxTold {
		clear(l.refused)
	}
	l.refused[key] = now
	return wait, !there || now.Sub(last) > quiet
}
