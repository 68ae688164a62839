package deviceapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace limits how often one certificate may check in, or whatever else has a
// name. It keeps a bounded number of them in mind.
type Pace struct {
	every rate.Limit
	burst int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// maxPaced is how many certificates are kept in mind.
const maxPaced = 10_000

// NewPace allows burst check-ins at once and perSecond after them.
func NewPace(perSecond float64, burst int) *Pace {
	return &Pace{every: rate.Limit(perSecond), burst: burst, seen: map[string]*rate.Limiter{}}
}

// Wait is how long the certificate must wait; 0 lets it pass.
func (p *Pace) Wait(fingerprint string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.seen[fingerprint]
	if !ok {
		p.forget(now)
		l = rate.NewLimiter(p.every, p.burst)
		p.seen[fingerprint] = l
	}
	reserved := l.ReserveN(now, 1)
	if d := reserved.DelayFrom(now); d > 0 {
		reserved.CancelAt(now)
		return d
	}
	return 0
}

// forget drops those that have been idle long enough to have their whole
// burst again, and, when all are busy, everybody.
func (p *Pace) forget(now time.Time) {
	if len(p.seen) < maxPaced {
		return
	}
	for k, l := range p.seen {
		if l.TokensAt(now) >= float64(p.burst) {
			delete(p.seen, k)
		}
	}
	if len(p.seen) >= maxPaced {
		clear(p.seen)
	}
}
