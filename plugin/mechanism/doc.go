// Package mechanism is what the two mechanisms of the plug-in do once the C
// side has asked: prompt holds the conversation, gate fetches the decision.
//
// It knows the daemon's two sockets and the two files that stand in for a
// daemon that does not answer. It must never allow what nobody allowed: prompt
// can pass a person on to the gate and no further, and the gate denies unless
// the daemon, or a file that only root can write, says otherwise. It never
// sees a password. It keeps no log, holds no state and lets no goroutine
// panic, for it runs in a process of the system's.
package mechanism
