package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// options of a run.
type options struct {
	bin, profile string
	kills        int // SIGKILLs until the run is over
	seed         uint64
	strace       bool // whether disks fail too, which needs that program
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
	people := []trial.Account{trial.Reception(), trial.ITAdmin()}
	w, err := trial.New(ctx, trial.Options{Bin: o.bin, Profile: profile, Accounts: people})
	if err != nil {
		return nil, err
	}
	r := &run{options: o, ctx: ctx, world: w, random: rand.New(rand.NewPCG(o.seed, 0))}
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
	return r.drain()
}

func (r *run) reported(step int, err error) error {
	return fmt.Errorf("seed %d, step %d: %w\nthe daemon's log:\n%s\nthe server's log:\n%s", r.seed, step, err, tail(r.world.Daemon.Log()), tail(r.world.Server.Log()))
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
	case n < 85:
		return func() error { return r.reset(p) }
	case n < 97:
		return r.letTimePass
	}
	return r.powerCut
}

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
	fired := make(chan struct{})
	delay := r.delay()
	timer := time.AfterFunc(delay, func() {
		_ = syscall.Kill(victim.PID(), syscall.SIGKILL)
		close(fired)
	})
	err := do()
	if victim != r.world.Daemon && victim != r.world.Server {
		timer.Stop() // it was replaced meanwhile
		return r.survived(err)
	}
	if !timer.Stop() {
		<-fired
	} else if errors.Is(err, errCut) || errors.Is(err, errNoServer) {
		return fmt.Errorf("nothing was killed: %w", err)
	} else {
		return r.survived(err)
	}
	p.note("SIGKILL after %s", delay)
	<-victim.Done()
	if err := r.survived(err); err != nil {
		return err
	}
	return r.again(victim)
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

// issue has the help desk make a PIN for a person.
func (r *run) issue(p *person, deviceCode string) (pin, error) {
	digits, err := r.desk.issue(r.ctx, p.GUID, deviceCode)
	done := func(a account) account { return a.with(func(a *account) { a.Seen[evIssue]++ }) }
	if errors.Is(err, errNoServer) || errors.Is(err, errServer) {
		// It may have been made; nobody has read it.
		p.pins = append(p.pins, pin{digits: "lost", number: len(p.pins) + 1})
		return pin{}, errors.Join(err, p.now("issue: cut", func(a account) []account { return []account{a, done(a)} }))
	}
	if err != nil {
		return pin{}, err
	}
	i := pin{digits: digits, number: len(p.pins) + 1, code: deviceCode, fresh: true}
	p.pins, p.at[digits] = append(p.pins, i), r.now()
	return i, p.now("issued "+digits, func(a account) []account { return []account{done(a)} })
}

// pause lets the seconds pass in which a PIN may have the number of the one
// before, or be void by an activation in the same second.
func (r *run) pause() error { return r.pass(2 * time.Second) }

func (r *run) pass(d time.Duration) error {
	r.world.Network(false)
	defer r.world.Network(true)
	var s wire.Status
	if err := control(r.ctx, r.world.Sockets(), wire.MsgStatus, &s); err != nil {
		return err
	}
	if err := r.world.Clocks.Pass(d); err != nil {
		return err
	}
	for _, p := range r.people {
		p.note("%s pass", d)
	}
	return r.elapsed()
}

func (r *run) freshPIN(p *person, setUp bool) error {
	if err := r.pause(); err != nil {
		return err
	}
	i, err := r.issue(p, "")
	if err != nil {
		return err
	}
	if r.chance(4) {
		typed := pin{digits: swapped(i.digits), typo: true}
		if err := r.byPIN(p, false, func(string) (pin, error) { return typed, nil }); err != nil {
			return err
		}
	}
	return r.byPIN(p, setUp, func(string) (pin, error) { return i, nil })
}

// swapped is how a PIN is misheard.
func swapped(digits string) string {
	for i := 0; i+1 < len(digits); i++ {
		if digits[i] != digits[i+1] {
			return digits[:i] + digits[i+1:i+2] + digits[i:i+1] + digits[i+2:]
		}
	}
	return digits[:8] + "x"
}

func (r *run) deviceCodePIN(p *person) error {
	if err := r.pause(); err != nil {
		return err
	}
	return r.byPIN(p, r.chance(3), func(deviceCode string) (pin, error) {
		if deviceCode == "" {
			return pin{digits: wrongPIN(r.random)}, nil
		}
		return r.issue(p, deviceCode)
	})
}

// oldPIN is one that was issued before: of the window, of an ended one, never
// used, or of another account.
func (r *run) oldPIN(p *person) error {
	from := p
	if r.chance(4) {
		from = r.people[r.random.IntN(len(r.people))]
	}
	typed := pin{digits: wrongPIN(r.random)}
	if open, ok := from.known(func(a account, i pin) bool { return a.Open == i.digits }); ok && r.chance(2) {
		typed = open
	} else if n := len(from.pins); n > 0 {
		typed = from.pins[r.random.IntN(n)]
	}
	if typed.digits == "lost" {
		typed.digits = wrongPIN(r.random)
	}
	if from != p {
		typed.number, typed.code = 0, "" // nothing to this account
	}
	age := time.Duration(r.now() - p.at[typed.digits])
	if typed.fresh = age < 100*time.Second; !typed.fresh && age < 200*time.Second {
		return nil // on the edge
	}
	return r.byPIN(p, r.chance(6), func(string) (pin, error) { return typed, nil })
}

func (r *run) wrongPIN(p *person) error {
	for range 1 + r.random.IntN(3) {
		if err := r.byPIN(p, false, func(string) (pin, error) { return pin{digits: wrongPIN(r.random)}, nil }); err != nil {
			return err
		}
	}
	return nil
}

// wrongPIN has a right check digit. That it is a live one by chance is less
// likely than a fault of this machine's memory.
func wrongPIN(random *rand.Rand) string {
	for i := 0; ; i = (i + 1) % 10 {
		digits := fmt.Sprintf("%08d%d", random.IntN(100_000_000), i)
		if _, err := recoverypin.ParsePIN(digits); err == nil {
			return digits
		}
	}
}

// rightCode is the code that the last phone shows. Where a kill has left open
// which phone the Mac has, it is one of those.
func (r *run) rightCode(p *person) error {
	for s := range p.states {
		return r.byCode(p, code{phone: s.Phone, step: totp.Step(r.world.Clocks.Now())})
	}
	return nil
}

func (r *run) usedCode(p *person) error {
	for s := range p.states {
		now := totp.Step(r.world.Clocks.Now())
		if s.Phone == 0 || s.LastStep == 0 || now-s.LastStep > 1 {
			return r.byCode(p, code{phone: s.Phone, step: now})
		}
		return r.byCode(p, code{phone: s.Phone, step: s.LastStep})
	}
	return nil
}

func (r *run) reset(p *person) error {
	if err := r.pause(); err != nil {
		return err
	}
	err := r.desk.reset(r.ctx, p.GUID)
	ordered := func(a account) account { return a.with(func(a *account) { a.ResetOf = a.Phone }) }
	if errors.Is(err, errNoServer) || errors.Is(err, errServer) {
		return errors.Join(err, p.now("reset: cut", func(a account) []account { return []account{a, ordered(a)} }))
	}
	if err != nil {
		return err
	}
	if err := p.now("reset ordered", func(a account) []account { return []account{ordered(a)} }); err != nil {
		return err
	}
	return r.pause() // what is set up from here on is later than the order
}

func (r *run) letTimePass() error {
	spans := []time.Duration{2 * time.Second, 31 * time.Second, 61 * time.Second, 2 * time.Minute, 5 * time.Minute, 16 * time.Minute, 61 * time.Minute}
	if r.chance(40) {
		return r.pass(8 * 24 * time.Hour) // a rotation falls due
	}
	return r.pass(spans[r.random.IntN(len(spans))])
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
