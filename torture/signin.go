package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const window = time.Hour // DeviceRecoveryPINDuration

// byPIN goes to Contact admin and types a PIN; which chooses it when the
// device code is on the screen. setUp takes the offer of a new factor.
func (r *run) byPIN(p *person, setUp bool, which func(deviceCode string) (pin, error)) error {
	s, err := r.sit(p)
	if err != nil {
		return err
	}
	defer s.leave()
	if err := r.fine(s, s.contact(r.ctx)); err != nil {
		return err
	}
	if err := p.sees(s.deviceCode()); err != nil {
		return err
	}
	typed, err := which(s.deviceCode())
	if err != nil {
		return err
	}
	said, err := r.typesPIN(p, s, typed)
	if err != nil || said != saidActivated {
		return err
	}
	if setUp {
		return r.setsUp(p, s)
	}
	return r.putsOff(p, s)
}

// fine is err, or errFault where the screen says that the disk failed.
func (r *run) fine(s *seat, err error) error {
	if r.faults && !errors.Is(err, errCut) && (failed(note(s.screen)) || s.done != nil && s.done.Result == wire.ResultBack) {
		return errFault
	}
	return err
}

func (r *run) typesPIN(p *person, s *seat, typed pin) (string, error) {
	if err := r.elapsed(); err != nil { // while the screen was open
		return "", err
	}
	issued := len(p.pins)
	m := moment{begin: r.now()}
	r.asking()
	err := s.act(r.ctx, wire.ActionSubmit, "", map[string]string{"pin": typed.digits})
	m.end = r.now()
	what := fmt.Sprintf("PIN %s (number %d, fresh %v, for device code %q)", typed.digits, typed.number, typed.fresh, typed.code)
	if errors.Is(err, errCut) {
		return "", errors.Join(err, p.now(what+": cut", func(a account) []account { return a.cutPIN(typed, issued, window, m) }))
	}
	if err != nil {
		return "", err
	}
	text := note(s.screen)
	if r.fine(s, nil) != nil {
		return "", p.now(what+": the disk failed", func(a account) []account { return a.cutPIN(typed, issued, window, m) })
	}
	said, err := pinSaid(text)
	if err != nil {
		return "", err
	}
	return said, p.heard(what, said, saidWait(text), m, func(a account) []outcome { return a.typePIN(typed, issued, window, m) })
}

// failed are the words for a disk that could not keep what was done.
func failed(text string) bool {
	return strings.Contains(text, "Something went wrong on this Mac") || strings.Contains(text, "could not keep what you did")
}

// setsUp scans the key into another phone and types its first code.
func (r *run) setsUp(p *person, s *seat) error {
	if there, _ := s.choice(accesscode.Kind); !there {
		return r.putsOff(p, s) // there is no room for another
	}
	if err := r.fine(s, s.act(r.ctx, wire.ActionSubmit, accesscode.Kind, nil)); err != nil {
		return err
	}
	if s.screen.Kind != wire.KindEnrol {
		return fmt.Errorf("setting a factor up leads to %q: %s", s.screen.Title, note(s.screen))
	}
	key, err := s.key()
	if err != nil {
		return err
	}
	phone := len(p.phones) + 1
	p.phones[phone] = key
	step := totp.Step(r.world.Clocks.Now())
	r.asking()
	err = s.act(r.ctx, wire.ActionSubmit, "", map[string]string{"code": key.Code(step)})
	done := func(a account) account { return a.enrolled(phone, step) }
	if errors.Is(err, errCut) {
		return errors.Join(err, p.now("set up: cut", func(a account) []account { return []account{a, done(a)} }))
	}
	if err != nil {
		return err
	}
	if s.done == nil && r.fine(s, nil) != nil { // said on the offer, which is a notice like what follows a set-up
		return p.now("set up: the disk failed", func(a account) []account { return []account{a, done(a)} })
	}
	if s.done == nil && s.screen.Kind != wire.KindNotice {
		return fmt.Errorf("after the first code the screen is %q: %s", s.screen.Title, note(s.screen))
	}
	if err := p.now("set up", func(a account) []account { return []account{done(a)} }); err != nil {
		return err
	}
	if s.done == nil {
		return r.tidies(p, s)
	}
	return r.passes(p, s)
}

// tidies has the phones of before removed, as the screen after the new one's
// first code offers.
func (r *run) tidies(p *person, s *seat) error {
	r.asking()
	err := s.act(r.ctx, wire.ActionSubmit, "", nil)
	either := func(a account) []account { return []account{a, a.tidied()} }
	switch {
	case errors.Is(err, errCut):
		return errors.Join(err, p.now("remove the older: cut", either))
	case err != nil:
		return err
	case r.fine(s, nil) != nil:
		return p.now("remove the older: the disk failed", either)
	}
	if err := p.now("removed the older", func(a account) []account { return []account{a.tidied()} }); err != nil {
		return err
	}
	return r.passes(p, s)
}

// putsOff takes an offer later.
func (r *run) putsOff(p *person, s *seat) error {
	if err := r.fine(s, s.act(r.ctx, wire.ActionSkip, "", nil)); err != nil {
		return err
	}
	return r.passes(p, s)
}

// passes takes the ticket of a conversation that is over to the gate, which has
// to let its person in once.
func (r *run) passes(p *person, s *seat) error {
	if s.done == nil || s.done.Result != wire.ResultContinue || s.done.Ticket == nil {
		if r.fine(s, nil) != nil {
			return nil
		}
		return fmt.Errorf("signed in, and yet the conversation ends with %+v on %q: %s", s.done, s.screen.Title, note(s.screen))
	}
	if err := r.asks(p, s.done.Ticket, true); err != nil {
		return err
	}
	if r.chance(4) {
		return r.asks(p, s.done.Ticket, false) // a replay
	}
	return nil
}

// asks wants that answer of the gate.
func (r *run) asks(p *person, ticket []byte, allow bool) error {
	event := evDeny
	if allow {
		event = evAllow
	}
	done := func(a account) account { return a.with(func(a *account) { a.Seen[event]++ }) }
	r.asking()
	d, err := ask(r.ctx, r.world.Sockets(), p.UID, ticket)
	switch {
	case errors.Is(err, errCut):
		return errors.Join(err, p.now("gate: cut", func(a account) []account { return []account{a, done(a)} }))
	case err != nil:
		return err
	case r.faults && d.Reason == "not_recorded" || r.faults && !d.Allow && !allow:
		return p.now("gate: the disk failed", func(a account) []account { return []account{a, done(a)} })
	case d.Allow != allow:
		return &violation{person: p, what: fmt.Sprintf("the gate says %+v, want allow %v", d, allow), before: p.list()}
	}
	return p.now("gate: "+d.Reason, func(a account) []account { return []account{done(a)} })
}

// byCode signs in with an access code, if there is one to be typed.
func (r *run) byCode(p *person, typed code) error {
	s, err := r.sit(p)
	if err != nil {
		return err
	}
	defer s.leave()
	m := moment{begin: r.now(), end: r.now()}
	try := func(a account) []outcome { return a.typeCode(typed, m) }
	if s.screen.Kind != wire.KindCode {
		there, why := s.choice(accesscode.Kind)
		switch {
		case !there || s.screen.Kind == wire.KindGrace:
			return p.heard("access code", saidNoFactor, 0, m, try)
		case why != "":
			said, err := codeSaid(why)
			if err != nil {
				return err
			}
			return p.heard("access code", said, saidWait(why), m, try)
		}
		if err := r.fine(s, s.act(r.ctx, wire.ActionSubmit, accesscode.Kind, nil)); err != nil {
			return err
		}
		if s.screen.Kind != wire.KindCode {
			return r.notAsked(p, s, m.begin, typed)
		}
	}
	return r.typesCode(p, s, typed)
}

// notAsked is the way that was closed in the moment in which it was chosen, as
// by a reset that came with a check-in.
func (r *run) notAsked(p *person, s *seat, begun int64, typed code) error {
	if err := r.elapsed(); err != nil {
		return err
	}
	text := note(s.screen)
	if text == "" || strings.Contains(text, "This way has just been closed") {
		return errStale // why it was, the next screen says
	}
	said, err := codeSaid(text)
	if err != nil {
		return fmt.Errorf("%q: %w", s.screen.Title, err)
	}
	m := moment{begun, r.now()}
	return p.heard("access code", said, saidWait(text), m, func(a account) []outcome { return a.typeCode(typed, m) })
}

func (r *run) typesCode(p *person, s *seat, typed code) error {
	if err := r.elapsed(); err != nil { // while the screen was open
		return err
	}
	digits := r.wrongCode(p)
	if key, ok := p.phones[typed.phone]; ok {
		digits = key.Code(typed.step)
	}
	m := moment{begin: r.now()}
	r.asking()
	err := s.act(r.ctx, wire.ActionSubmit, "", map[string]string{"code": digits})
	m.end = r.now()
	what := fmt.Sprintf("access code of phone %d, step %d", typed.phone, typed.step)
	cutStates := func(a account) []account { return a.cutCode(typed, m) }
	if errors.Is(err, errCut) {
		return errors.Join(err, p.now(what+": cut", cutStates))
	}
	if err != nil {
		return err
	}
	try := func(a account) []outcome { return a.typeCode(typed, m) }
	if r.fine(s, nil) != nil {
		return p.now(what+": the disk failed", cutStates)
	}
	if s.done != nil || s.screen.Kind == wire.KindNotice { // an open window comes with an offer
		if err := p.heard(what, saidSignedIn, 0, m, try); err != nil {
			return err
		}
		if s.done == nil {
			return r.putsOff(p, s)
		}
		return r.passes(p, s)
	}
	text := note(s.screen)
	said, err := codeSaid(text)
	if err != nil {
		return fmt.Errorf("%q: %w", s.screen.Title, err)
	}
	return p.heard(what, said, saidWait(text), m, try)
}

// wrongCode is a code of no phone that this person has, at any time near.
func (r *run) wrongCode(p *person) string {
	step := totp.Step(r.world.Clocks.Now())
next:
	for {
		digits := fmt.Sprintf("%06d", r.random.IntN(1_000_000))
		for _, key := range p.phones {
			for s := step - 3; s <= step+3; s++ {
				if key.Code(s) == digits {
					continue next
				}
			}
		}
		return digits
	}
}
