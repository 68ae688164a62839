// Package attack plays the attacks of docs/threat-model.md that need a whole
// Latchkey: real daemon, real server, moved clocks, other users' processes. It
// holds tests alone, and does whatever an attacker can: at sockets, on the
// network, with files that were copied, by moving clocks. Each attack stays out,
// is told of by an event where one is promised, and leaves the right person's
// way in open. It must never ask for less than that, nor use a way in that an
// attacker does not have.
package attack
