package xipc

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func credentials(fd int) (Peer, error) {
	c, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, fmt.Errorf("LOCAL_PEERCRED: %w", err)
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return Peer{}, fmt.Errorf("LOCAL_PEERPID: %w", err)
	}
	peer := Peer{UID: c.Uid, PID: pid}
	size := uint32(unsafe.Sizeof(peer.Token))
	//nolint:staticcheck // deprecated in favour of wrappers, none of which reads a structure as large as LOCAL_PEERTOKEN's
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_LOCAL, unix.LOCAL_PEERTOKEN,
		uintptr(unsafe.Pointer(&peer.Token)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return Peer{}, fmt.Errorf("LOCAL_PEERTOKEN: %w", errno)
	}
	return peer, nil
}

// quiet keeps a write to a socket whose other end is gone from raising SIGPIPE
// in the process that hosts us.
func quiet(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1) }
