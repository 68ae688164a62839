package signin

import "fmt"

// Cheapen makes passwords cost next to nothing, and tells count of each that is
// computed.
func Cheapen(s *Service, count func()) {
	s.argon.cost = cost{1, 8, 1}
	compute := s.argon.compute
	s.argon.compute = func(password, salt []byte, time, memory uint32, lanes uint8, length uint32) []byte {
		count()
		return compute(password, salt, time, memory, lanes, length)
	}
}

// Cost is what a password costs outside of tests.
func Cost() string {
	c := newArgon().cost
	return fmt.Sprintf("m=%d,t=%d,p=%d", c.memory, c.time, c.lanes)
}

// KeepCounters bounds the table of wrong tries.
func KeepCounters(s *Service, most int) { s.counters = most }
