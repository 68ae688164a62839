package main

import (
	"slices"
	"strings"
	"time"
)

// The numbers of recovery-pin-v1 and of design §5, a second time.
const (
	waitAfter    = 5  // misses in a row
	noTimedAfter = 10 // misses of a PIN in a row
	shutAfter    = 20 // misses of an access code
	codeMisses   = 3  // of a device code
	endedKept    = 4
)

func waitFor(misses int) time.Duration {
	switch {
	case misses < 5:
		return 0
	case misses >= 11:
		return time.Hour
	}
	return time.Minute << (misses - 5)
}

// span is when something ends: not before from, and by to at the latest. Both
// are in nanoseconds of the trial's own time, on which every clock runs.
type span struct{ from, to int64 }

// moment is when something was done: between the two.
type moment struct{ begin, end int64 }

func (m moment) after(d time.Duration) span { return span{m.begin + int64(d), m.end + int64(d)} }

// running and over say what is certain; between them both are possible.
func (s span) mayRun(m moment) bool    { return m.begin < s.to }
func (s span) mayBeOver(m moment) bool { return m.end >= s.from }

// The events that are counted, as the server's log names them.
const (
	evActivate = iota
	evReuse
	evReject
	evLock
	evExpire
	evEnrol
	evRemove
	evCodeReject
	evCodeLock
	evAllow
	evDeny
	evIssue
	events
)

func eventName(i int) string {
	return [events]string{"recovery_pin.activate", "recovery_pin.reuse", "recovery_pin.reject", "recovery_pin.lock", "recovery_pin.expire",
		"enrollment.create", "enrollment.delete", "factor.reject", "factor.lock", "login.allow", "login.deny", "recovery_pin.generate"}[i]
}

// account is one account of the Mac as it must be. The model keeps every state
// that is possible, since a kill can come before or after a write; what is seen
// leaves those that fit. It is comparable, so that equal states are one.
type account struct {
	Phones     [maxPhones]phone // the keys that the Mac has, oldest first
	CodeMisses int
	CodeWait   span

	Misses    int
	Wait      span
	WaitOf    time.Duration
	VoidUpTo  int    // PINs are numbered by their issue; those up to here are void
	Open      string // PIN of the window
	OpenUntil span
	Ended     string // PINs of the last windows, each with a comma
	Code      string // the device code that is out
	CodeSeen  int    // misses while it was

	ResetOf int // phones up to this number the help desk has reset, until the Mac hears of it
	Seen    [events]int
}

func (a account) with(change func(*account)) account {
	change(&a)
	return a
}

// outcome is what may be seen, and what is true then.
type outcome struct {
	said  string
	wait  span // until when, where a wait is said
	state account
}

// end closes the window.
func (a *account) endWindow() {
	if a.Open == "" {
		return
	}
	list := append(strings.Split(strings.TrimSuffix(a.Ended, ","), ","), a.Open)
	if a.Ended == "" {
		list = []string{a.Open}
	}
	if len(list) > endedKept {
		list = list[len(list)-endedKept:]
	}
	a.Ended, a.Open = strings.Join(list, ",")+",", ""
}

func (a account) ended(pin string) bool {
	return slices.Contains(strings.Split(strings.TrimSuffix(a.Ended, ","), ","), pin)
}

// meanwhile is what the daemon may have done by itself until m: closed a window
// that is over, and carried out a reset.
func (a account) meanwhile(m moment) []account {
	list := []account{a}
	if a.Open != "" && a.OpenUntil.mayBeOver(m) {
		list = append(list, a.with(func(a *account) { a.endWindow(); a.Seen[evExpire]++ }))
	}
	if a.ResetOf != 0 {
		for _, s := range list {
			list = append(list, s.with((*account).heardOfReset))
		}
	}
	return list
}

func (a *account) heardOfReset() {
	a.remove(func(p phone, _ int) bool { return p.Number <= a.ResetOf })
	a.ResetOf = 0
}

// maxPhones of one account.
const maxPhones = 5

// phone is an access code's key, as a number; the zero phone is none.
type phone struct {
	Number   int
	LastStep uint64
}

// count is how many phones are set up.
func (a account) count() (n int) {
	for _, p := range a.Phones {
		if p.Number != 0 {
			n++
		}
	}
	return n
}

// newest is the phone that was set up last.
func (a account) newest() phone { return a.Phones[max(0, a.count()-1)] }

// remove takes out the phones that which names, given how many newer there are.
func (a *account) remove(which func(p phone, newer int) bool) {
	var kept [maxPhones]phone
	n, all := 0, a.count()
	for i, p := range a.Phones[:all] {
		if which(p, all-1-i) {
			a.Seen[evRemove]++
			continue
		}
		kept[n] = p
		n++
	}
	a.Phones = kept
}

// tidied has the newest phone alone.
func (a account) tidied() account {
	a.remove(func(_ phone, newer int) bool { return newer > 0 })
	return a
}

// checkedIn is what is certain after a check-in: both have been done.
func (a account) checkedIn(m moment) []account {
	var out []account
	for _, s := range a.meanwhile(m) {
		if s.ResetOf != 0 || s.Open != "" && !s.OpenUntil.mayRun(m) {
			continue
		}
		out = append(out, s)
	}
	return out
}

// rebooted restarts waits with what was left of them; before is the moment of
// the power cut and after that of the start. Nothing shortens a wait, but what
// has run since the Mac last noted the time, at known, runs again.
func (a account) rebooted(known int64, before, after moment) account {
	restart := func(s span, length time.Duration) span {
		if s.to <= known {
			return s
		}
		return span{after.begin + max(0, s.from-before.end), after.end + int64(length)}
	}
	a.Wait = restart(a.Wait, a.WaitOf)
	a.CodeWait = restart(a.CodeWait, waitFor(a.CodeMisses))
	a.Code, a.CodeSeen = "", 0 // lived on the continuous clock
	return a
}
