// Package clock reads the machine's two clocks and the id of this boot.
//
// It knows how each operating system counts time through sleep. It judges
// nothing: whether the wall clock can be believed is trustedtime's to say. A
// clock that can be moved exists only in builds with the tag simclock, which
// are for the demo and for tests.
package clock
