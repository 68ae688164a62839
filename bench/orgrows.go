package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// few is how many Macs the org has that a large one is held against.
const few = 1000

// kind is a database that orgs are made in.
type kind struct {
	name     string
	where    func(database string) string
	pid      int
	atLeast  float64 // check-ins a second
	atMost   time.Duration
	database string
}

// outcome is what was measured of one org.
type outcome struct {
	load
	deskTimes
	alike load    // with as many Macs connected as there are in a small org
	empty float64 // requests a second that an empty answer allows
}

// orgRows measures the server with few and with many Macs, in both databases.
func orgRows(ctx context.Context, bin string, macs int) (rows []row, err error) {
	pg, err := storetest.Start(os.TempDir(), postgresSettings()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	pid, err := pg.PID()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(bin, "latchkey-server")
	for _, k := range []kind{{name: "SQLite", where: func(string) string { return "" }, atLeast: 3500}, {name: "PostgreSQL", where: pg.URL, pid: pid, atLeast: 1600}} {
		var of [2]outcome
		for i, n := range []int{few, macs} {
			k.database = fmt.Sprintf("org%d_%d", n, k.pid)
			if k.pid != 0 {
				if err := pg.Create(k.database); err != nil {
					return rows, err
				}
			}
			if of[i], err = k.measure(ctx, program, n); err != nil {
				return rows, fmt.Errorf("%s, %d Macs: %w", k.name, n, err)
			}
		}
		rows = append(rows, k.rows(of[0], of[1], macs)...)
	}
	return rows, nil
}

// measure makes an org, and ends with it.
func (k kind) measure(ctx context.Context, program string, macs int) (out outcome, err error) {
	began := time.Now()
	o, err := newOrg(ctx, program, k.name, k.where(k.database), k.pid, macs)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	fmt.Fprintf(os.Stderr, "bench: %s: an org of %d Macs was made in %s\n", k.name, macs, time.Since(began).Round(time.Second))
	if out.empty, err = o.authority.empty(ctx, o.macs); err != nil {
		return out, err
	}
	if out.alike, err = o.authority.measure(ctx, o.server, o.postgres, spread(o.macs, few)); err != nil {
		return out, err
	}
	if out.load = out.alike; len(o.macs) > few {
		if out.load, err = o.authority.measure(ctx, o.server, o.postgres, o.macs); err != nil {
			return out, err
		}
	}
	out.deskTimes, err = o.deskTimes(ctx, macs)
	return out, err
}

// spread are n of the Macs, from the first to the last.
func spread(macs []*measured, n int) (some []*measured) {
	for i := range min(n, len(macs)) {
		some = append(some, macs[i*len(macs)/min(n, len(macs))])
	}
	return some
}

// rows say what came of it: first the ratio of a check-in's whole cost, with as
// many Macs connected to either org, so that what the connections of many more
// cost is not told as what the org costs.
func (k kind) rows(small, large outcome, macs int) []row {
	const mostCPU, dearer = 350 * time.Microsecond, 1.2
	of := fmt.Sprintf("org of %d Macs in %s: ", macs, k.name)
	cost := func(l load) time.Duration { return l.each(l.server + l.database) }
	ratio := func(l load) float64 { return float64(cost(l)) / float64(cost(small.load)) }
	connected := min(macs, checkingIn())
	out := []row{
		{what: fmt.Sprintf("%scost of a check-in / in one of %d, %d Macs connected to both", of, few, few), ratio: ratio(large.alike), figures: fmt.Sprintf("%s / %s of processor time", micros(cost(large.alike)), micros(cost(small.load))), target: fmt.Sprintf("%.1fx", dearer), within: ratio(large.alike) <= dearer},
		{what: fmt.Sprintf("%sthe same with %d Macs connected to the large one", of, connected), ratio: ratio(large.load), figures: fmt.Sprintf("%s / %s of processor time", micros(cost(large.load)), micros(cost(small.load)))},
		{what: of + "empty answers over the same TLS / check-ins", ratio: large.empty / large.rate(), figures: fmt.Sprintf("%.0f / %.0f a second (%.0f / %.0f with %d Macs)", large.empty, large.rate(), small.empty, small.rate(), few)},
		{what: of + "check-ins, 32 at once", figures: fmt.Sprintf("%.0f a second (p99 %s)", large.rate(), millis(quantile(large.times, 0.99))), target: fmt.Sprintf("%.0f", k.atLeast), within: large.rate() >= k.atLeast},
		{what: of + "processor time of a check-in", figures: fmt.Sprintf("server %s, database %s (%s and %s with %d Macs)", micros(large.each(large.server)), micros(large.each(large.load.database)), micros(small.each(small.server)), micros(small.each(small.load.database)), few), target: micros(mostCPU), within: large.each(large.server) <= mostCPU},
		{what: of + "server's memory before, halfway, after", figures: fmt.Sprintf("%s, %s, %s, with %d connections", megabytes(large.before), megabytes(large.middle), megabytes(large.last), connected)},
	}
	for _, d := range []struct {
		what  string
		times []time.Duration
		most  time.Duration
	}{{"a key is typed into the search", large.typed, 50 * time.Millisecond}, {"the page of a Mac", large.device, 30 * time.Millisecond}, {"a PIN is generated", large.pins, 25 * time.Millisecond}} {
		p99 := quantile(d.times, 0.99)
		out = append(out, row{what: of + d.what, figures: fmt.Sprintf("p99 %s (median %s)", millis(p99), millis(median(d.times))), target: millis(d.most), within: p99 <= d.most})
	}
	return out
}
