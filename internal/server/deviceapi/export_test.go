package deviceapi

import "time"

// Wait is Pace.wait for the tests.
func Wait(p *Pace, fingerprint string, now time.Time) time.Duration { return p.wait(fingerprint, now) }
