package trial

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
)

// place is an address of one of this trial's servers, which nobody else takes
// while that server is not up yet, or down: many trials run at once.
type place struct {
	address string
	held    *os.File // a socket that is bound to it and never listens
}

// newPlace finds one below the ports that systems give to outgoing connections
// (from 32768 on Linux).
func newPlace() (place, error) {
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		held, err := hold(port)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		return place{address: net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), held: held}, err
	}
	return place{}, errors.New("find a free port: a hundred were taken")
}

// hold binds a socket to the port, if no other socket of any kind is. It allows
// the sharing of its address (SO_REUSEADDR) only afterwards: a server, whose
// listener allows it too, may then listen there, and another hold fails.
func hold(port int) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("hold a port: %w", err)
	}
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("hold port %d: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "held port"), nil
}

// leave gives the address up; that of a place that was never found is nothing.
func (p place) leave() { _ = p.held.Close() }
