package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// breath is the pause before each decision and each ping-pong: see host.c.
const breath = 8 * time.Millisecond

// pingpong is a bare conversation between two Go processes over a Unix socket:
// a connection, messages of the lengths given in turn, and the end.
func (m *mac) pingpong(ctx context.Context, sizes []string) (times []time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	lengths, err := numbers(sizes)
	if err != nil {
		return nil, err
	}
	socket := m.path("echo.sock")
	server := exec.CommandContext(ctx, self, append([]string{"echo", socket}, sizes...)...)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	server.Stderr = os.Stderr
	ready, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the echo: %w", err)
	}
	defer func() { err = errors.Join(err, server.Process.Kill()); _ = server.Wait(); _ = os.Remove(socket) }()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return nil, fmt.Errorf("wait for the echo: %w", err)
	}
	for range rounds {
		time.Sleep(breath)
		start := time.Now()
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(converse(conn, lengths, 0), conn.Close()); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	return times, nil
}

// converse is one conversation; first is 0 for the end that begins.
func converse(conn net.Conn, lengths []int, first int) error {
	for n, length := range lengths {
		var err error
		if n%2 == first {
			_, err = conn.Write(make([]byte, length))
		} else {
			_, err = io.ReadFull(conn, make([]byte, length))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// echo is the other end of the ping-pong, until it is killed.
func echo(socket string, sizes []string) error {
	lengths, err := numbers(sizes)
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		if err := converse(conn, lengths, 1); err != nil {
			return err
		}
		_ = conn.Close()
	}
}

func numbers(texts []string) (out []int, err error) {
	for _, text := range texts {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("the length of a message: %w", err)
		}
		out = append(out, n)
	}
	return out, nil
}
