package main

import (
	"slices"
	"time"
)

// What a person can be told of an attempt.
const (
	saidMistyped  = "mistyped"
	saidThrottled = "throttled"
	saidActivated = "accepted"
	saidExpired   = "expired"
	saidWrong     = "wrong"
	saidSignedIn  = "signed in"
	saidUsed      = "used"
	saidShut      = "shut"
	saidNoFactor  = "no factor"
)

// pin is what the harness knows of what is typed.
type pin struct {
	digits string
	number int    // counts the PINs of this account; 0 for one that nobody issued
	code   string // the device code it was made for; "" for a timed one
	fresh  bool   // issued less than two minutes ago
	typo   bool
}

// typePIN is recovery-pin-v1, "Verification", for one attempt.
func (a account) typePIN(p pin, issued int, window time.Duration, m moment) []outcome {
	if p.typo {
		return []outcome{{said: saidMistyped, state: a}}
	}
	var out []outcome
	if a.Wait.mayRun(m) {
		out = append(out, outcome{said: saidThrottled, wait: a.Wait, state: a})
	}
	if a.Wait.mayBeOver(m) {
		out = append(out, a.compared(p, issued, window, m)...)
	}
	return out
}

func (a account) compared(p pin, issued int, window time.Duration, m moment) []outcome {
	if p.digits == a.Open {
		var out []outcome
		if a.OpenUntil.mayRun(m) {
			out = append(out, outcome{said: saidActivated, state: a.with(func(a *account) { a.Seen[evReuse]++; a.Wait = span{}; a.unlocked() })})
		}
		if a.OpenUntil.mayBeOver(m) {
			out = append(out, outcome{said: saidExpired, state: a.with(func(a *account) { a.Seen[evReject]++ })})
		}
		return out
	}
	timed := p.number > a.VoidUpTo && p.code == "" && p.fresh && a.Misses < noTimedAfter
	if timed || p.code != "" && p.code == a.Code {
		return []outcome{{said: saidActivated, state: a.with(func(a *account) {
			a.endWindow()
			a.Open, a.OpenUntil, a.VoidUpTo = p.digits, m.after(window), issued
			a.Misses, a.Wait, a.Code, a.CodeSeen = 0, span{}, "", 0
			a.Seen[evActivate]++
			a.unlocked()
		})}}
	}
	if a.ended(p.digits) {
		return []outcome{{said: saidExpired, state: a.with(func(a *account) { a.Seen[evReject]++ })}}
	}
	missed := a.missed(m)
	return []outcome{{said: saidWrong, wait: missed.Wait, state: missed}}
}

// missed is an attempt that counts.
func (a account) missed(m moment) account {
	a.Misses++
	a.Seen[evReject]++
	if a.WaitOf = waitFor(a.Misses); a.WaitOf > 0 {
		a.Wait = m.after(a.WaitOf)
		a.Seen[evLock]++
	}
	if a.Code != "" {
		if a.CodeSeen++; a.CodeSeen >= codeMisses {
			a.Code, a.CodeSeen = "", 0
		}
	}
	return a
}

// unlocked is what a PIN does for the access code.
func (a *account) unlocked() { a.CodeMisses, a.CodeWait = 0, span{} }

// cutPIN is every state that a process which was killed during the attempt may
// have left: untouched, counted, done, and done but for what follows.
func (a account) cutPIN(p pin, issued int, window time.Duration, m moment) []account {
	out := []account{a}
	for _, o := range a.typePIN(p, issued, window, m) {
		if o.said == saidMistyped || o.said == saidThrottled {
			continue
		}
		out = append(out, a.missed(m), o.state)
		if o.said == saidActivated {
			out = append(out, o.state.with(func(s *account) { s.CodeMisses, s.CodeWait = a.CodeMisses, a.CodeWait }))
		}
	}
	return out
}

// code is what the harness knows of an access code that is typed.
type code struct {
	phone int // whose; 0 for a wrong one
	step  uint64
}

// typeCode is design §5, "Lock-out", for one access code.
func (a account) typeCode(c code, m moment) []outcome {
	if a.count() == 0 {
		return []outcome{{said: saidNoFactor, state: a}}
	}
	if a.CodeMisses >= shutAfter {
		return []outcome{{said: saidShut, state: a}}
	}
	var out []outcome
	if a.CodeWait.mayRun(m) {
		out = append(out, outcome{said: saidThrottled, wait: a.CodeWait, state: a})
	}
	if !a.CodeWait.mayBeOver(m) {
		return out
	}
	at := slices.IndexFunc(a.Phones[:], func(p phone) bool { return c.phone != 0 && p.Number == c.phone })
	if at >= 0 && c.step > a.Phones[at].LastStep {
		return append(out, outcome{said: saidSignedIn, state: a.with(func(a *account) {
			a.Phones[at].LastStep = c.step
			a.unlocked()
			a.Wait = span{}
		})})
	}
	said := saidWrong
	if at >= 0 {
		said = saidUsed
	}
	missed := a.codeMissed(m)
	if missed.CodeMisses >= shutAfter {
		return append(out, outcome{said: saidShut, state: missed})
	}
	if missed.CodeMisses >= waitAfter {
		said = saidThrottled // the screen tells of the wait and not of the code
	}
	return append(out, outcome{said: said, wait: missed.CodeWait, state: missed})
}

func (a account) codeMissed(m moment) account {
	a.CodeMisses++
	a.Seen[evCodeReject]++
	if wait := waitFor(a.CodeMisses); wait > 0 {
		a.CodeWait = m.after(wait)
		a.Seen[evCodeLock]++
	}
	return a
}

func (a account) cutCode(c code, m moment) []account {
	out := []account{a}
	for _, o := range a.typeCode(c, m) {
		if o.state == a {
			continue
		}
		out = append(out, a.codeMissed(m), o.state)
		if o.said == saidSignedIn {
			out = append(out, o.state.with(func(s *account) { s.Wait = a.Wait }))
		}
	}
	return out
}

// enrolled has another phone, whose first code was of that step.
func (a account) enrolled(number int, step uint64) account {
	a.Phones[a.count()] = phone{number, step}
	a.Seen[evEnrol]++
	return a
}
