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
	token, err := auditToken(fd)
	if err != nil {
		return Peer{}, err
	}
	return peerFrom(c.Uid, token)
}

func auditToken(fd int) (token AuditToken, err error) {
	size := uint32(unsafe.Sizeof(token))
	//nolint:staticcheck // deprecated in favour of wrappers, none of which reads a structure as large as LOCAL_PEERTOKEN's
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_LOCAL, unix.LOCAL_PEERTOKEN,
		uintptr(unsafe.Pointer(&token)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return token, fmt.Errorf("LOCAL_PEERTOKEN: %w", errno)
	}
	if size != uint32(unsafe.Sizeof(token)) {
		return token, fmt.Errorf("LOCAL_PEERTOKEN: %d bytes, want %d", size, unsafe.Sizeof(token))
	}
	return token, nil
}

// quiet keeps a write to a socket whose other end is gone from raising SIGPIPE
// in the process that hosts us.
func quiet(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1) }
