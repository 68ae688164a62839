package xipc

import (
	"fmt"
	"net"
	"os"
	"slices"
)

// Peer is who stands at the other end of a socket, as the kernel says it.
type Peer struct {
	UID   uint32 // effective user id
	PID   int
	Token AuditToken // on macOS; zero elsewhere
}

// securityAgentUID is _securityagent, under which macOS shows the login
// window. Every vendor's plug-in runs under it, so no daemon may.
const securityAgentUID = 92

// DefaultServerUIDs are the users who may own the other end of a socket: root,
// and the caller's own user, unless that is _securityagent.
func DefaultServerUIDs() []uint32 { return serverUIDs(uint32(os.Geteuid())) }

func serverUIDs(own uint32) []uint32 {
	if own == 0 || own == securityAgentUID {
		return []uint32{0}
	}
	return []uint32{0, own}
}

// peerOf asks the kernel who the other end is.
func peerOf(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("read the peer's credentials: %w", err)
	}
	var peer Peer
	var failed error
	if err := raw.Control(func(fd uintptr) { peer, failed = credentials(int(fd)) }); err != nil {
		return Peer{}, fmt.Errorf("read the peer's credentials: %w", err)
	}
	if failed != nil {
		return Peer{}, fmt.Errorf("read the peer's credentials: %w", failed)
	}
	return peer, nil
}

// checkServer fails unless the server at the other end may be trusted.
func (o ClientOptions) checkServer(conn *net.UnixConn) error {
	peer, err := peerOf(conn)
	if err != nil {
		return err
	}
	return o.trusts(peer)
}

func (o ClientOptions) trusts(server Peer) error {
	uids := o.ServerUIDs
	if uids == nil {
		uids = DefaultServerUIDs()
	}
	if !slices.Contains(uids, server.UID) {
		// Refused by default: whoever can put a socket at this path could
		// otherwise play the daemon and collect codes.
		return fmt.Errorf("the socket belongs to user %d, want one of %v", server.UID, uids)
	}
	return nil
}
