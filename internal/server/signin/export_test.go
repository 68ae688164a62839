package signin

import "github.com/latchkey-mfa/latchkey/internal/server/password"

// Cheapen makes passwords cost next to nothing, and tells count of each that is
// computed.
func Cheapen(s *Service, count func()) {
	s.hasher.Cost = password.Cost{Time: 1, Memory: 8, Lanes: 1}
	compute := s.hasher.Compute
	s.hasher.Compute = func(password, salt []byte, time, memory uint32, lanes uint8, length uint32) []byte {
		count()
		return compute(password, salt, time, memory, lanes, length)
	}
}

// KeepCounters bounds the table of wrong tries.
func KeepCounters(s *Service, most int) { s.counters = most }
