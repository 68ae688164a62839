//go:build race

package trial

// raceFlag builds daemon and server with the race detector, as the tests that
// play with them were built.
const raceFlag = "-race"
