package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

const (
	// soakDays is how many days a soak lasts there: what is kept of a week, or
	// of a month, comes round, and the help desk's token is good to the end.
	soakDays = 80
	day      = 24 * time.Hour
)

// soak plays days of an office, with nothing killed, for about that long, and
// looks at what daemon and server hold at the end of each.
func soak(ctx context.Context, o options, long time.Duration) error {
	o.faultsIn = 0
	r, err := newRun(ctx, o)
	if err != nil {
		return err
	}
	defer r.world.Close(false)
	r.steady = true
	if err := r.begin(); err != nil {
		return err
	}
	samples := map[string][]usage{}
	for d := range soakDays {
		if err := r.workday(long / soakDays); err != nil {
			return r.reported(r.stats.Steps, err)
		}
		for name, p := range map[string]*trial.Process{"daemon": r.world.Daemon, "server": r.world.Server} {
			u, err := use(p.PID())
			if err != nil {
				return fmt.Errorf("after %d days: look at the %s: %w", d+1, name, err)
			}
			samples[name] = append(samples[name], u)
		}
	}
	if err := r.end(); err != nil {
		return err
	}
	slack := memorySlack
	if long < warmedUp {
		slack *= 5
	}
	return r.verdict(samples, slack)
}

// workday is what people do between two nights, for that long here; it ends a
// day later there.
func (r *run) workday(long time.Duration) error {
	evening, tomorrow := time.Now().Add(long), r.now()+int64(day)
	for time.Now().Before(evening) {
		p := r.people[r.random.IntN(len(r.people))]
		r.stats.Steps++
		if err := r.elapsed(); err != nil {
			return err
		}
		if err := r.survived(r.pick(p)()); err != nil {
			return err
		}
		if r.stats.Cuts > 0 {
			return fmt.Errorf("somebody was cut off, and nothing was killed")
		}
	}
	if err := r.drain(); err != nil {
		return err
	}
	return r.pass(time.Duration(max(0, tomorrow-r.now())))
}

// verdict prints the samples and wants them to be flat.
func (r *run) verdict(samples map[string][]usage, slack int) error {
	for _, name := range []string{"daemon", "server"} {
		list := samples[name]
		for d := 0; d < len(list); d += len(list) / 8 {
			fmt.Fprintf(r.out, "%s, day %2d: %s\n", name, d+1, list[d])
		}
		fmt.Fprintf(r.out, "%s, day %2d: %s\n", name, len(list), list[len(list)-1])
		if err := flat(list, slack); err != nil {
			return fmt.Errorf("the %s: %w", name, err)
		}
	}
	return nil
}

// usage is what a process holds.
type usage struct {
	Resident             int // bytes
	Descriptors, Threads int
}

func (u usage) String() string {
	return fmt.Sprintf("%5.1f MB resident, %d descriptors, %d threads", float64(u.Resident)/1e6, u.Descriptors, u.Threads)
}

// use reads /proc.
func use(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	raw, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}, err
	}
	var u usage
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "VmRSS:":
			u.Resident = n * 1024
		case "Threads:":
			u.Threads = n
		}
	}
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	u.Descriptors = len(open)
	if err == nil && (u.Resident == 0 || u.Threads == 0) {
		err = fmt.Errorf("%s/status says %+v", dir, u)
	}
	return u, err
}

// What may be more at the end of a soak than after its beginning, before it
// counts as growth: the heap's own ups and downs, a connection that is open
// just now, a thread that the runtime has kept.
const (
	memoryUp      = 0.15
	memorySlack   = 2_000_000       // bytes
	warmedUp      = 5 * time.Minute // a shorter soak has caches that still fill
	descriptorsUp = 4
	threadsUp     = 4
)

// flat compares the medians of the second and of the last quarter. The first is
// the warming up.
func flat(list []usage, slack int) error {
	n := len(list)
	if n < 8 {
		return fmt.Errorf("%d days are too few to say", n)
	}
	early, late := median(list[n/4:n/2]), median(list[n-n/4:])
	switch {
	case float64(late.Resident) > float64(early.Resident)*(1+memoryUp)+float64(slack):
		return fmt.Errorf("its memory grows: %s, and later %s", early, late)
	case late.Descriptors > early.Descriptors+descriptorsUp:
		return fmt.Errorf("its descriptors become more: %s, and later %s", early, late)
	case late.Threads > early.Threads+threadsUp:
		return fmt.Errorf("its threads become more: %s, and later %s", early, late)
	}
	return nil
}

// median is of each figure by itself.
func median(list []usage) usage {
	middle := func(of func(usage) int) int {
		var all []int
		for _, u := range list {
			all = append(all, of(u))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return usage{Resident: middle(func(u usage) int { return u.Resident }), Descriptors: middle(func(u usage) int { return u.Descriptors }),
		Threads: middle(func(u usage) int { return u.Threads })}
}

// office is that many people with an account each.
func office(users int) []trial.Account {
	people := []trial.Account{trial.Reception(), trial.ITAdmin()}
	for i := len(people); i < users; i++ {
		people = append(people, trial.Account{Name: fmt.Sprintf("desk%02d", i+1), FullName: fmt.Sprintf("Desk %d", i+1),
			GUID: fmt.Sprintf("8C7A1F60-0D7C-4C5B-9B0E-6D1E3B2A%04X", 0x4F01+i), UID: uint32(501 + i)})
	}
	return people[:max(users, 1)]
}
