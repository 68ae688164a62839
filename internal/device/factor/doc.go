// Package factor says what a factor is to the login conversation: straight-line
// code that asks the person for what it needs and says what came of it.
//
// It knows nothing of any one factor; each has a folder below. A factor must
// never decide whether a login succeeds: it reports an outcome, and the engine
// in package login decides. A new factor changes neither engine nor panel.
package factor
