package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// errFault says that a disk which failed has ended what somebody did.
var errFault = errors.New("the disk failed")

// stepsOnABadDisk is how long a disk fails for.
const stepsOnABadDisk = 10

// failingDisk lets a few writes of the daemon or of the server fail, while
// people go on; then the process is killed and started on a good disk, and the
// books are compared. strace makes the system calls fail.
func (r *run) failingDisk() error {
	if r.faultsIn == 0 || !r.chance(r.faultsIn) {
		return nil
	}
	r.stats.Faults++
	daemon := !r.chance(3)
	spec := r.fault()
	wrap := []string{"strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + strings.SplitN(spec, ":", 2)[0], "-e", "signal=none", "-e", "inject=" + spec}
	if err := r.swap(daemon, wrap...); err != nil {
		return err
	}
	r.faults = true
	for range stepsOnABadDisk {
		p := r.people[r.random.IntN(len(r.people))]
		p.note("(disk: %s)", spec)
		r.stats.Steps++
		if err := r.elapsed(); err != nil {
			return err
		}
		if err := r.onABadDisk(r.pick(p)()); err != nil {
			return fmt.Errorf("while the disk fails (%s): %w", spec, err)
		}
	}
	r.faults = false
	r.stats.Failures += failures(r.world.Daemon.Log()) + failures(r.world.Server.Log())
	if err := r.swap(daemon); err != nil {
		return fmt.Errorf("after the disk failed (%s): %w", spec, err)
	}
	if err := r.drain(); err != nil {
		return fmt.Errorf("after the disk failed (%s): %w", spec, err)
	}
	return nil
}

// failures counts what a program says of its disk, in lines.
func failures(log string) (n int) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "input/output error") || strings.Contains(line, "no space left") || strings.Contains(line, "disk I/O error") || strings.Contains(line, "disk is full") {
			n++
		}
	}
	return n
}

// fault draws which writes fail, and how.
func (r *run) fault() string {
	call := []string{"fdatasync", "pwrite64", "fsync"}[r.random.IntN(3)]
	errno := []string{"EIO", "ENOSPC"}[r.random.IntN(2)]
	first := 1 + r.random.IntN(30) // of each thread
	return fmt.Sprintf("%s:error=%s:when=%d..%d", call, errno, first, first+r.random.IntN(10))
}

// swap kills the daemon or the server and starts it again, as the child of the
// command given. A start that a failing disk prevents is tried again without.
func (r *run) swap(daemon bool, wrap ...string) error {
	victim, start := r.world.Server, r.world.StartServerUnder
	if daemon {
		victim, start = r.world.Daemon, r.world.StartDaemonUnder
	}
	_ = syscall.Kill(victim.PID(), syscall.SIGKILL)
	<-victim.Done()
	err := start(wrap...)
	if err != nil && len(wrap) > 0 {
		return start()
	}
	return err
}

// onABadDisk passes over what a failing disk explains. A process that ends by
// itself is not among it.
func (r *run) onABadDisk(err error) error {
	for _, p := range []struct {
		name string
		done <-chan struct{}
	}{{"daemon", r.world.Daemon.Done()}, {"server", r.world.Server.Done()}} {
		select {
		case <-p.done:
			return fmt.Errorf("the %s ended", p.name)
		case <-time.After(0):
		}
	}
	if errors.Is(err, errFault) || errors.Is(err, errServer) || errors.Is(err, errStale) {
		return nil
	}
	return err
}
