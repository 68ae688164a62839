package attack

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/lockout"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// early is how much too early an impatient attacker tries: longer than a busy
// machine takes between two steps of a test.
const early = 40 * time.Second

// siege is how long the attackers have. In it the clocks are moved as fast as
// the throttle allows a next guess.
const siege = 3 * day

// guesses is how many comparisons the throttle allows within the siege to who
// never waits a second too long: the rule, counted out.
func guesses(most int) (n int) {
	for waited := time.Duration(0); waited <= siege && n < most; n++ {
		waited += lockout.After(n + 1)
	}
	return n
}

// guesser counts the PINs that are no typing error upwards.
func guesser() func() string {
	n := 0
	return func() string {
		for {
			n++
			pin := fmt.Sprintf("%09d", n)
			if _, err := recoverypin.ParsePIN(pin); err == nil {
				return pin
			}
		}
	}
}

// Somebody has the password and three days, and types PINs as fast as the Mac
// takes them: against the PIN that the help desk may have read to somebody a
// moment ago, and against the device code.
func TestAttackPINIsGuessed(t *testing.T) {
	m := enrolled(aMac(t, weeksOffline(t)))
	next := guesser()
	misses, codes := 0, map[string]bool{}
	for left := siege; left > 0; {
		s := m.sits(reception()).toContact()
		if code := s.deviceCode(); code != "" {
			codes[code] = true
		}
		if misses >= lockout.Misses {
			m.waited(s, next(), "Too many wrong PINs")
			wait := lockout.After(misses) - early
			m.passes(early)
			left -= wait + early
			if left < 0 {
				break
			}
			s = m.sits(reception()).toContact()
		}
		s.typesPIN(next()).says(notGood)
		if misses++; misses >= lockout.Misses {
			s.leaves()
			m.passes(lockout.After(misses) - early)
			continue
		}
		s.leaves()
	}
	compared := len(m.reported(evPINReject))
	if want := guesses(1 << 30); compared != misses || compared > want {
		t.Errorf("%d PINs were compared, %d typed, the throttle allows %d", compared, misses, want)
	}
	// recovery-pin-v1, "Why these numbers": ten guesses at timed PINs, then
	// device codes alone.
	const all = 1e8
	timed := float64(min(compared, 10)*recoverypin.Candidates) / all
	byCode := float64(compared) / all
	t.Logf("%d guesses in %s: %.2g against timed PINs, %.2g against %d device codes", compared, siege, timed, byCode, len(codes))
	if timed > 1.85e-5 || byCode > 2.9e-6*siege.Hours()/24 {
		t.Errorf("guessing succeeds with %.3g against timed PINs, with %.3g against device codes", timed, byCode)
	}
	if locks := len(m.events(evPINLock)); locks != compared-lockout.Misses+1 {
		t.Errorf("%d lock-outs were told of after %d misses", locks, compared)
	}
	m.refusesAfterTen()
	m.getsIn() // the phone's owner has not noticed
}

// waited types a code during a wait, which is refused unread.
func (m *mac) waited(s *seat, pin, words string) {
	m.t.Helper()
	s.typesPIN(pin).says(words).leaves()
}

// refusesAfterTen: a good timed PIN is no longer taken, one for the device code
// is.
func (m *mac) refusesAfterTen() {
	m.t.Helper()
	m.passes(lockout.Longest)
	m.sits(reception()).typesPIN(m.readAloud()).says("only a PIN made for it is taken now").leaves()
	m.passes(lockout.Longest)
	s := m.sits(reception()).toContact()
	if s.deviceCode() == "" {
		m.t.Fatalf("no device code is shown: %+v", s.screen.Facts)
	}
	m.gateSays(reception(), s.typesPIN(m.readAloud("--device-code", s.deviceCode())).later().ticket(), true, "factor")
	m.passes(time.Minute)
}

// The same for the access code: twenty guesses and no more, however long.
func TestAttackAccessCodeIsGuessed(t *testing.T) {
	m := enrolled(aMac(t, weeksOffline(t)))
	typed := 0
	for left := siege; left > 0; {
		s := m.sits(reception())
		if s.closed() { // for now, or for good
			s.leaves()
			m.passes(time.Hour)
			left -= time.Hour
			continue
		}
		s.types(m.wrongCode()).leaves()
		if typed++; typed >= lockout.Misses {
			m.sits(reception()).says("Too many wrong codes").leaves()
			m.passes(lockout.After(typed))
			left -= lockout.After(typed)
		}
	}
	const drift = 3 // steps that are taken: the one before, this one, the next
	compared := len(m.reported(evFactorDeny))
	t.Logf("%d guesses in %s: %.2g", compared, siege, float64(compared*drift)/1e6)
	if compared != typed || compared != 20 {
		t.Errorf("%d codes were compared, %d typed, want 20", compared, typed)
	}
	m.sits(reception()).says("closed until you have signed in another way").leaves()
	m.getsInByPIN()
	m.passes(time.Minute)
	if s := m.sits(reception()); s.toCode().screen.Kind != wire.KindCode {
		t.Errorf("after a PIN the access code is still closed: %+v", s.screen)
	}
}

// closed says that no access code is taken now.
func (s *seat) closed() bool {
	return slices.ContainsFunc(s.screen.Choices, func(c wire.Choice) bool { return c.ID == accesscode.Kind && !c.Enabled })
}

// Guesses from many connections at once are taken one at a time, and count as
// what they are.
func TestAttackManyGuessesAtOnce(t *testing.T) {
	m := anEnrolledMac(t)
	next := guesser()
	var group sync.WaitGroup
	for range 12 {
		pin := next()
		group.Go(func() { m.throws(pin) })
	}
	group.Wait()
	m.sits(reception()).leaves() // by now all that was begun of them has ended
	compared := len(m.reported(evPINReject))
	t.Logf("%d of 12 PINs were compared", compared)
	for ; compared < lockout.Misses; compared++ {
		m.sits(reception()).typesPIN(next()).says(notGood).leaves()
	}
	m.sits(reception()).typesPIN(next()).says("Too many wrong PINs").leaves()
	if compared := len(m.reported(evPINReject)); compared != lockout.Misses {
		t.Errorf("%d PINs were compared, want %d before the wait", compared, lockout.Misses)
	}
	m.getsIn()
}

// throws types a PIN, unless another connection has meanwhile taken the
// conversation over.
func (m *mac) throws(pin string) {
	c, err := xipc.Dial(m.t.Context(), filepath.Join(m.Sockets(), "prompt.sock"), xipc.ClientOptions{Role: wire.RolePrompt, Timeout: patience})
	if err != nil {
		return
	}
	defer c.Close()
	_, err = c.Request(m.t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(reception())})
	for typed := false; err == nil && !typed; {
		var screen wire.Screen
		select {
		case e := <-c.Events():
			screen, err = wire.ScreenFrom(e.Body)
		case <-time.After(time.Second):
			return
		}
		if err != nil {
			return
		}
		act := wire.Act{Seq: screen.Seq, Action: wire.ActionContact}
		if typed = screen.Kind == wire.KindContact; typed {
			act.Action, act.Values = wire.ActionSubmit, map[string]string{"pin": pin}
		}
		reply, failed := c.Request(m.t.Context(), wire.MsgAct, act.Dictionary())
		if err = failed; reply["ok"] != true {
			return
		}
	}
	select {
	case <-c.Events(): // what came of it
	case <-time.After(time.Second): // another connection took over just now
	}
}

// Neither crashes of the daemon nor reboots, with the clock where it was or a
// year ahead, make a wait shorter or give a guess.
func TestAttackWaitIsCutShort(t *testing.T) {
	m := anEnrolledMac(t)
	next := guesser()
	for range lockout.Misses {
		m.sits(reception()).typesPIN(next()).leaves()
		m.sits(reception()).types(m.wrongCode()).leaves()
	}
	for range 3 { // on to waits of 8 minutes
		m.passes(lockout.After(lockout.Misses+2) + time.Minute)
		m.sits(reception()).typesPIN(next()).leaves()
		m.sits(reception()).types(m.wrongCode()).leaves()
	}
	m.Network(false)
	for i := range 6 {
		switch i % 3 {
		case 0:
			m.restarts()
		case 1:
			m.reboots(0)
		case 2:
			m.reboots(30 * day)
		}
		m.sits(reception()).typesPIN(next()).says("Too many wrong PINs. Wait 8 minutes").leaves()
		m.sits(reception()).says("Too many wrong codes. You can try again in 8 minutes").leaves()
	}
	m.Network(true)
	if pins, codes := len(m.reported(evPINReject)), len(m.events(evFactorDeny)); pins != 8 || codes != 8 {
		t.Errorf("%d PINs and %d codes were compared, want 8 of each", pins, codes)
	}
	m.passes(8 * time.Minute)
	m.getsIn()
}

// Trying accounts in turn gives no more guesses at one of them, and an account
// that the policy leaves alone gives none.
func TestAttackGuessesAreCountedByAccount(t *testing.T) {
	m := anEnrolledMac(t)
	m.sits(trial.ITAdmin().UID).leaves()
	m.ok(m.CheckIn(trial.ITAdmin()))
	next := guesser()
	for range lockout.Misses {
		m.sits(reception()).typesPIN(next()).says(notGood).leaves()
		m.sits(trial.ITAdmin().UID).typesPIN(next()).says(notGood).leaves()
	}
	m.sits(reception()).typesPIN(next()).says("Too many wrong PINs").leaves()
	m.sits(trial.ITAdmin().UID).typesPIN(next()).says("Too many wrong PINs").leaves()
	m.getsIn() // by the access code, which has its own count
}
