package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// underFire does one thing, and kills the daemon, the server or neither at a
// random moment of it.
func (r *run) underFire(p *person, do func() error) error {
	var victim *trial.Process
	switch n := r.random.IntN(10); {
	case n < 5:
		victim = r.world.Daemon
	case n < 8:
		victim = r.world.Server
	}
	if victim == nil {
		return r.survived(do())
	}
	g := &gun{victim: victim, delay: r.delay()}
	if r.chance(2) {
		g.fire() // some time from now
	} else {
		// Right after a request that matters has gone out.
		g.delay, g.after, r.gun = time.Duration(r.random.Int64N(int64(2*time.Millisecond))), 1+r.random.IntN(3), g
	}
	err := do()
	r.gun = nil
	if victim != r.world.Daemon && victim != r.world.Server {
		g.put() // it was replaced meanwhile
		return r.survived(err)
	}
	if !g.put() {
		if errors.Is(err, errCut) || errors.Is(err, errNoServer) {
			return fmt.Errorf("nothing was killed: %w", err)
		}
		return r.survived(err)
	}
	p.note("SIGKILL after %s", g.delay)
	<-victim.Done()
	if err := r.survived(err); err != nil {
		return err
	}
	return r.again(victim)
}

// gun kills a process once.
type gun struct {
	victim *trial.Process
	delay  time.Duration
	after  int // requests until it is fired
	timer  *time.Timer
	fired  chan struct{}
}

func (g *gun) fire() {
	g.fired = make(chan struct{})
	g.timer = time.AfterFunc(g.delay, func() {
		_ = syscall.Kill(g.victim.PID(), syscall.SIGKILL)
		close(g.fired)
	})
}

// put away; it reports whether the shot was fired.
func (g *gun) put() bool {
	if g.timer == nil || g.timer.Stop() {
		return false
	}
	<-g.fired
	return true
}

// asking is called right before a request that matters.
func (r *run) asking() {
	if g := r.gun; g != nil && g.timer == nil {
		if g.after--; g.after == 0 {
			g.fire()
		}
	}
}

// survived passes over what a kill explains.
func (r *run) survived(err error) error {
	var v *violation
	if errors.As(err, &v) {
		return err
	}
	if errors.Is(err, errCut) || errors.Is(err, errNoServer) {
		r.stats.Cuts++
		return nil
	}
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// again starts what was killed.
func (r *run) again(victim *trial.Process) error {
	if victim == r.world.Server {
		r.stats.ServerKills++
		return r.world.StartServer()
	}
	r.stats.DaemonKills++
	for r.chance(4) { // and once more, on its way up
		r.stats.DaemonKills++
		if err := r.world.StartDaemonAndKill(r.delay()); err != nil {
			return err
		}
	}
	return r.world.StartDaemon()
}
