package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// options of a run.
type options struct {
	bin, profile string
	kills        int // SIGKILLs until the run is over
	seed         uint64
	users        int // people at this Mac
	faultsIn     int // a disk fails one time in so many that the books are compared; 0 for never
	out          io.Writer
}

// run is one world under torture.
type run struct {
	options
	ctx    context.Context
	world  *trial.World
	desk   *desk
	random *rand.Rand
	people []*person
	cursor uint64 // in the server's log
	faults bool   // a disk fails now and then
	steady bool   // nothing is killed, and days pass one by one
	up     bool   // the Mac's network
	gun    *gun   // to be fired at a request, if there is one
	known  int64  // when the Mac last noted the time for sure
	stats  stats
}

// stats is what a run has done.
type stats struct {
	Steps, DaemonKills, ServerKills, Cuts, Reboots, Drains, Faults, Failures int
}

func (s stats) String() string {
	return fmt.Sprintf("%d steps, %d kills of the daemon, %d of the server (%d cut somebody off), %d power cuts, %d times with a failing disk (%d failures logged), the books compared %d times",
		s.Steps, s.DaemonKills, s.ServerKills, s.Cuts, s.Reboots, s.Faults, s.Failures, s.Drains)
}

// delay is how far into a step a kill comes. Most steps are through in ten
// milliseconds, and a start in thirty.
func (r *run) delay() time.Duration {
	longest := []time.Duration{3 * time.Millisecond, 10 * time.Millisecond, 40 * time.Millisecond}[r.random.IntN(3)]
	return time.Duration(r.random.Int64N(int64(longest)))
}

// drainEvery is how many steps the books go without being compared.
const drainEvery = 25

func newRun(ctx context.Context, o options) (*run, error) {
	profile, err := tailored(o.profile)
	if err != nil {
		return nil, err
	}
	people := office(o.users)
	w, err := trial.New(ctx, trial.Options{Bin: o.bin, Profile: profile, Accounts: people})
	if err != nil {
		return nil, err
	}
	r := &run{options: o, ctx: ctx, world: w, up: true, random: rand.New(rand.NewPCG(o.seed, 0))}
	for _, a := range people {
		r.people = append(r.people, newPerson(a))
	}
	return r, nil
}

func (s *stats) add(t stats) {
	s.Steps += t.Steps
	s.DaemonKills += t.DaemonKills
	s.ServerKills += t.ServerKills
	s.Cuts += t.Cuts
	s.Reboots += t.Reboots
	s.Drains += t.Drains
	s.Faults += t.Faults
	s.Failures += t.Failures
}

// now is the trial's time in nanoseconds, on which every clock of it runs.
func (r *run) now() int64 { return r.world.Clocks.Now().UnixNano() }

// chance is true once in n times.
func (r *run) chance(n int) bool { return r.random.IntN(n) == 0 }

// play starts the world, tortures it, and compares the books for the last time.
func (r *run) play() error {
	defer r.world.Close(false)
	if err := r.begin(); err != nil {
		return err
	}
	for i := 0; r.stats.DaemonKills+r.stats.ServerKills < r.kills; i++ {
		p := r.people[r.random.IntN(len(r.people))]
		if err := r.step(p); err != nil {
			return r.reported(i, err)
		}
		if i%drainEvery == drainEvery-1 {
			if err := r.drain(); err != nil {
				return r.reported(i, err)
			}
			if err := r.failingDisk(); err != nil {
				return r.reported(i, err)
			}
		}
	}
	return r.end()
}

// end compares the books for the last time.
func (r *run) end() error {
	if err := r.drain(); err != nil {
		return err
	}
	r.world.End()
	return r.world.Races()
}

func (r *run) reported(step int, err error) error {
	return fmt.Errorf("seed %d, step %d: %w\n%s\nthe daemon's log:\n%s\nthe server's log:\n%s", r.seed, step, err, r.sides(), tail(r.world.Daemon.Log()), tail(r.world.Server.Log()))
}

// sides is what Mac and server say of themselves, for a report.
func (r *run) sides() string {
	var s wire.Status
	if err := control(r.ctx, r.world.Sockets(), wire.MsgStatus, &s); err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("the Mac's time is %s (%s), the trial's %s", s.Now, s.Clock, r.world.Clocks.Now().UTC())
	for _, a := range s.Accounts {
		text += fmt.Sprintf("\nthe Mac's secret of %s is %+v", a.Name, a.Secret)
	}
	if r.desk == nil {
		return text
	}
	list, err := r.desk.osAccounts(r.ctx)
	for _, a := range list {
		text += fmt.Sprintf("\nthe server's of %s is %+v", a.Profile.AccountUUID, a.Latchkey.Recovery)
	}
	return fmt.Sprintf("%s %v", text, err)
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// begin starts everything; both people sign in once, so that their secrets are
// registered, and set a phone up.
func (r *run) begin() error {
	if err := r.world.Start(); err != nil {
		return err
	}
	for _, p := range r.people {
		s, err := r.sit(p)
		if err != nil {
			return err
		}
		if err := r.setsUp(p, s); err != nil {
			return err
		}
		s.leave()
	}
	if err := r.checkIn(false); err != nil {
		return err
	}
	d, err := newDesk(r.world)
	if err != nil {
		return err
	}
	r.desk = d
	return d.find(r.ctx)
}

// step is one thing that somebody does, under fire.
func (r *run) step(p *person) error {
	r.stats.Steps++
	if err := r.elapsed(); err != nil {
		return err
	}
	return r.underFire(p, r.pick(p))
}

// elapsed is what the daemon may have done by itself.
func (r *run) elapsed() error {
	m := moment{r.now(), r.now()}
	for _, p := range r.people {
		next := map[account]bool{}
		for s := range p.states {
			for _, n := range s.meanwhile(m) {
				next[n] = true
			}
		}
		p.states = next
	}
	return nil
}

// pick draws what is done next.
func (r *run) pick(p *person) func() error {
	switch n := r.random.IntN(100); {
	case n < 14:
		return func() error { return r.freshPIN(p, r.chance(3)) }
	case n < 22:
		return func() error { return r.deviceCodePIN(p) }
	case n < 32:
		return func() error { return r.oldPIN(p) }
	case n < 46:
		return func() error { return r.wrongPIN(p) }
	case n < 58:
		return func() error { return r.rightCode(p) }
	case n < 64:
		return func() error { return r.usedCode(p) }
	case n < 72:
		return func() error { return r.byCode(p, code{}) }
	case n < 82:
		return func() error { return r.checkIn(true) }
	case n < 84:
		return func() error { return r.reset(p) }
	case n < 87:
		return func() error { return r.lostPhone(p) }
	case r.steady:
		return func() error { return r.pass(time.Duration(r.random.Int64N(int64(16 * time.Minute)))) }
	case n < 97:
		return r.letTimePass
	}
	return r.powerCut
}

// sit has a person type the password. The Mac notes the time.
func (r *run) sit(p *person) (*seat, error) {
	begun := r.now()
	s, err := sit(r.ctx, r.world.Sockets(), p.UID)
	if err != nil {
		return s, err
	}
	if err := r.fine(s, nil); err != nil {
		s.leave()
		return nil, err
	}
	if !r.faults {
		r.known = begun
	}
	return s, nil
}

// powerCut ends the daemon and begins another boot.
func (r *run) powerCut() error {
	r.stats.Reboots++
	before, known := moment{begin: r.now()}, r.known
	r.world.Daemon.Kill()
	before.end = r.now()
	if err := r.world.Clocks.Reboot(fmt.Sprintf("boot-%d", r.stats.Reboots), 0); err != nil {
		return err
	}
	after := moment{begin: r.now()}
	if err := r.world.StartDaemon(); err != nil {
		return err
	}
	after.end, r.known = r.now(), after.begin
	for _, p := range r.people {
		if p.shown != "" {
			p.retired[p.shown], p.shown = true, ""
		}
		if err := p.now("power cut", func(a account) []account { return []account{a.rebooted(known, before, after)} }); err != nil {
			return err
		}
	}
	return nil
}
