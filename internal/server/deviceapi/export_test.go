package deviceapi

import (
	"crypto/x509"
	"net/http"
	"time"
)

// Wait is Pace.wait for the tests.
func Wait(p *Pace, fingerprint string, now time.Time) time.Duration { return p.Wait(fingerprint, now) }

// Certificate is certificate for the tests.
func Certificate(s *Server, r *http.Request) (*x509.Certificate, error) {
	id, err := certificate(r, s.Trust)
	return id.Certificate, err
}

// Waiting is how many check-ins wait for the next round.
func Waiting(s *Server) int {
	s.rounds.mu.Lock()
	defer s.rounds.mu.Unlock()
	return len(s.rounds.waiting)
}
