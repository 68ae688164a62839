package deviceapi

import (
	"crypto/x509"
	"net/http"
	"time"
)

// Wait is Pace.wait for the tests.
func Wait(p *Pace, fingerprint string, now time.Time) time.Duration { return p.wait(fingerprint, now) }

// Certificate is certificate for the tests.
func Certificate(r *http.Request) (*x509.Certificate, error) { return certificate(r) }
