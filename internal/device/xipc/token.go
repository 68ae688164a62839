package xipc

import "fmt"

// AuditToken is audit_token_t of macOS: who a process is, with a number that a
// later process of the same pid does not have. Zero elsewhere.
type AuditToken [8]uint32

// Places in the token (libbsm's audit_token_to_euid and its kin).
const (
	tokenEUID    = 1
	tokenPID     = 5
	tokenVersion = 7
)

// EUID is the effective user id of the process now.
func (t AuditToken) EUID() uint32 { return t[tokenEUID] }

// PID is the process's.
func (t AuditToken) PID() int { return int(int32(t[tokenPID])) }

// Version tells processes apart that had the same pid one after the other.
func (t AuditToken) Version() uint32 { return t[tokenVersion] }

// peerFrom puts the two things together that the kernel says: who connected, and
// the token of the process that holds the other end now. A process that is
// somebody else by now, or a token that names none, is refused: neither answer
// alone says who would be let in.
func peerFrom(connected uint32, token AuditToken) (Peer, error) {
	if token.PID() <= 0 {
		return Peer{}, fmt.Errorf("the audit token names process %d", token.PID())
	}
	if token.EUID() != connected {
		return Peer{}, fmt.Errorf("user %d has connected, and process %d is user %d's now", connected, token.PID(), token.EUID())
	}
	return Peer{UID: connected, PID: token.PID(), Token: token}, nil
}
