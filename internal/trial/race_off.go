//go:build !race

package trial

// raceFlag is empty: so were the tests built.
const raceFlag = ""
