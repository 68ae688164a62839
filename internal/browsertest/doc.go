// Package browsertest is the browser of the tests that look at a page as a
// person does: Chromium, the one of this machine, with a profile that is new.
// It knows no page of Latchkey's; it must never be part of a program, nor keep
// anything once the test has ended.
package browsertest
