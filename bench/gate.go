package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	batches = 7 // of decisions and ping-pongs in turn
	rounds  = 60
)

// gateRows times decisions for an account that needs no factor, through the
// real plug-in and the real daemon, beside bare ping-pongs of the same messages.
func gateRows(ctx context.Context, m *mac) (rows []row, err error) {
	d, err := m.start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	sizes, err := m.sizes(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the messages of a decision: %w", err)
	}
	var gates, bare, bareC []time.Duration
	for range batches {
		decided, err1 := m.host(ctx, m.path("s"), "gate", strconv.Itoa(rounds), m.program("Latchkey.so"), strconv.Itoa(exemptUID))
		inGo, err2 := m.pingpong(ctx, sizes)
		inC, err3 := m.host(ctx, "", append([]string{"pingpong", strconv.Itoa(rounds), "1"}, sizes...)...)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		gates, bare, bareC = append(gates, decided...), append(bare, inGo...), append(bareC, inC...)
	}
	compare := func(what string, with []time.Duration) row {
		return row{what: what, ratio: float64(median(gates)) / float64(median(with)), figures: micros(median(gates)) + " / " + micros(median(with))}
	}
	target := compare(fmt.Sprintf("gate, exempt account / bare ping-pong of the same %d messages, Go to Go", len(sizes)), bare)
	target.target, target.within = "5x", target.ratio <= 5
	return []row{target, compare("gate, exempt account / the same ping-pong, C to C", bareC)}, nil
}

// host runs the program that measures, and reads its nanoseconds.
func (m *mac) host(ctx context.Context, sockets string, args ...string) ([]time.Duration, error) {
	cmd := exec.CommandContext(ctx, m.program("bench-host"), args...)
	cmd.Env = append(os.Environ(), "LATCHKEY_SOCKETS="+sockets, "LATCHKEY_FILES="+m.path("files"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("bench-host %s: %w", strings.Join(args, " "), err)
	}
	var times []time.Duration
	for _, field := range strings.Fields(string(out)) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("bench-host %s: %w", args[0], err)
		}
		times = append(times, time.Duration(n))
	}
	return times, nil
}

// sizes are the lengths of the messages of one decision, in turn, as a relay
// between plug-in and daemon sees them.
func (m *mac) sizes(ctx context.Context) ([]string, error) {
	l, err := net.Listen("unix", filepath.Join(m.path("relay"), "gate.sock"))
	if err != nil {
		return nil, err
	}
	defer l.Close()
	var sizes []string
	relayed := make(chan error, 1)
	go func() {
		there, err := l.Accept()
		if err == nil {
			sizes, err = relay(there, filepath.Join(m.path("s"), "gate.sock"))
		}
		relayed <- err
	}()
	_, err = m.host(ctx, m.path("relay"), "gate", "1", m.program("Latchkey.so"), strconv.Itoa(exemptUID))
	if err != nil {
		return nil, err
	}
	return sizes, <-relayed
}

// relay passes one conversation on, and notes the length of each message: the
// two ends speak in turn, and a message is one write.
func relay(from net.Conn, to string) (sizes []string, err error) {
	defer from.Close()
	on, err := net.Dial("unix", to)
	if err != nil {
		return nil, err
	}
	defer on.Close()
	var lock sync.Mutex
	pass := func(in, out net.Conn) {
		buffer := make([]byte, 1<<16)
		for {
			n, err := in.Read(buffer)
			if err != nil {
				_ = out.Close()
				return
			}
			lock.Lock()
			sizes = append(sizes, strconv.Itoa(n))
			lock.Unlock()
			if _, err := out.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { pass(on, from) })
	both.Go(func() { pass(from, on) })
	both.Wait()
	return sizes, nil
}
