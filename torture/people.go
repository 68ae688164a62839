package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// person has an account, phones that were set up, and PINs that were read out.
type person struct {
	trial.Account
	states  map[account]bool // all that is possible
	phones  map[int]totp.Key
	pins    []pin
	at      map[string]int64 // when a PIN was issued
	shown   string           // the device code that was seen last
	retired map[string]bool  // device codes that must not come back
	counted [events]int      // in the server's log
	rotated map[string]bool  // generations that the log has, by side
	log     []string         // what happened, for a report
}

func newPerson(a trial.Account) *person {
	return &person{Account: a, states: map[account]bool{{}: true}, phones: map[int]totp.Key{}, at: map[string]int64{},
		retired: map[string]bool{}, rotated: map[string]bool{}}
}

// violation is what this program is looking for.
type violation struct {
	person *person
	what   string
	before []account
}

func (v *violation) Error() string {
	text := fmt.Sprintf("%s: %s\nwhat was possible before:\n", v.person.Name, v.what)
	for i, s := range v.before {
		if i == 6 {
			text += fmt.Sprintf("  and %d more\n", len(v.before)-i)
			break
		}
		text += fmt.Sprintf("  %+v\n", s)
	}
	text += "what happened:\n"
	for _, line := range v.person.log[max(0, len(v.person.log)-30):] {
		text += "  " + line + "\n"
	}
	return text
}

// note keeps a line for a report.
func (p *person) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

// now replaces every state by those that it may have become. No state left is
// the violation that what describes.
func (p *person) now(what string, become func(account) []account) error {
	next := map[account]bool{}
	for s := range p.states {
		for _, n := range become(s) {
			next[n] = true
		}
	}
	p.note("%s", what)
	if len(next) == 0 {
		return &violation{person: p, what: what, before: p.list()}
	}
	p.states = next
	return nil
}

func (p *person) list() []account {
	var out []account
	for s := range p.states {
		out = append(out, s)
	}
	return out
}

// heard is an answer: the states that could have given it.
func (p *person) heard(what, said string, wait time.Duration, m moment, try func(account) []outcome) error {
	return p.now(fmt.Sprintf("%s: %s, wait %s", what, said, wait), func(a account) []account {
		var out []account
		for _, o := range try(a) {
			if o.said == said && tellsWait(o.wait, wait, m) {
				out = append(out, o.state)
			}
		}
		return out
	})
}

// tellsWait compares a wait that was said with the one that there must be. It
// is said in whole seconds or minutes, rounded up.
func tellsWait(must span, said time.Duration, m moment) bool {
	if said == 0 {
		return true
	}
	unit := time.Second
	if said%time.Minute == 0 {
		unit = time.Minute
	}
	atLeast, atMost := time.Duration(must.from-m.end), time.Duration(must.to-m.begin)
	return said >= atLeast-time.Second && said-unit <= atMost+time.Second
}

// sees is a device code on the screen, "" for none.
func (p *person) sees(digits string) error {
	if digits == "" {
		return nil
	}
	if p.retired[digits] {
		return &violation{person: p, what: "a device code came back: " + digits, before: p.list()}
	}
	if p.shown != "" && p.shown != digits {
		p.retired[p.shown] = true
	}
	again := p.shown == digits
	p.shown = digits
	return p.now("the device code is "+digits, func(a account) []account {
		switch {
		case a.Code == digits:
			return []account{a}
		case again && a.Code == "":
			return nil // voided, by three misses or by use, and yet shown
		}
		a.Code, a.CodeSeen = digits, 0
		return []account{a}
	})
}

// known finds a PIN that was issued, by what it is to the person's state.
func (p *person) known(want func(account, pin) bool) (pin, bool) {
	for _, i := range slices.Backward(p.pins) {
		for s := range p.states {
			if want(s, i) {
				return i, true
			}
		}
	}
	return pin{}, false
}
