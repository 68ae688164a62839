package trial

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// A trial's server finds its port free whenever it starts, and no other trial
// is given that port before, while or after it listens.
func TestAPortIsHeldForItsServer(t *testing.T) {
	p, err := newPlace()
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if _, err := hold(portOf(t, p.address)); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s another trial is given its port: %v", when, err)
		}
	}
	refused("before the server listens")
	for range 2 {
		l, err := net.Listen("tcp", p.address)
		if err != nil {
			t.Fatalf("the server cannot listen: %v", err)
		}
		refused("while the server listens")
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatalf("the server is not reached: %v", err)
		}
		c.Close()
		l.Close()
		refused("while the server is down")
	}
	p.leave() // a connection of before may keep the port for a minute: looked at is another
	if p, err = newPlace(); err != nil {
		t.Fatal(err)
	}
	p.leave()
	again, err := hold(portOf(t, p.address))
	if err != nil {
		t.Fatalf("a port that was given up is not free: %v", err)
	}
	_ = again.Close()
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}
