// Package righttest is an authorization database for tests, in memory: it takes
// and gives rights as authd does (reference §2.3). It knows when each was
// written, and what a test wants to go wrong. It must never be part of what is
// installed.
package righttest
