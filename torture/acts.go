package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// issue has the help desk make a PIN for a person.
func (r *run) issue(p *person, deviceCode string) (pin, error) {
	r.asking()
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
	defer r.world.Network(r.up)
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
		return r.byCode(p, code{phone: s.newest().Number, step: totp.Step(r.world.Clocks.Now())})
	}
	return nil
}

func (r *run) usedCode(p *person) error {
	for s := range p.states {
		now := totp.Step(r.world.Clocks.Now())
		last := s.newest()
		if last.Number == 0 || last.LastStep == 0 || now-last.LastStep > 1 {
			return r.byCode(p, code{phone: last.Number, step: now})
		}
		return r.byCode(p, code{phone: last.Number, step: last.LastStep})
	}
	return nil
}

func (r *run) reset(p *person) error {
	if err := r.pause(); err != nil {
		return err
	}
	r.asking()
	err := r.desk.reset(r.ctx, p.GUID)
	ordered := func(a account) account { return a.with(func(a *account) { a.ResetOf = a.newest().Number }) }
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

// lostPhone is the call to the help desk with the network down: the factor is
// reset, and the Mac hears of it when there is another one.
func (r *run) lostPhone(p *person) error {
	r.network(false)
	defer r.network(true)
	if err := r.reset(p); err != nil {
		return err
	}
	i, err := r.issue(p, "")
	if err != nil {
		return err
	}
	return r.byPIN(p, true, func(string) (pin, error) { return i, nil })
}

func (r *run) network(up bool) {
	r.up = up
	r.world.Network(up)
}

func (r *run) letTimePass() error {
	spans := []time.Duration{2 * time.Second, 31 * time.Second, 61 * time.Second, 2 * time.Minute, 5 * time.Minute, 16 * time.Minute, 61 * time.Minute}
	if r.chance(40) {
		return r.pass(8 * 24 * time.Hour) // a rotation falls due
	}
	return r.pass(spans[r.random.IntN(len(spans))])
}
