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
	name    string
	where   func(database string) string
	pid     int
	atLeast float64 // check-ins a second
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
		more, err := k.measure(ctx, program, pg, macs)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return rows, nil
}

// measure makes a small org and a large one, and measures them together and then
// the large one alone.
func (k kind) measure(ctx context.Context, program string, pg *storetest.Server, macs int) (rows []row, err error) {
	var orgs [2]*org
	for i, n := range []int{few, macs} {
		began := time.Now()
		database := fmt.Sprintf("org%d_%d", n, i)
		if k.pid != 0 {
			if err := pg.Create(database); err != nil {
				return nil, err
			}
		}
		if orgs[i], err = newOrg(ctx, program, k.name, k.where(database), k.pid, n); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, orgs[i].close()) }()
		fmt.Fprintf(os.Stderr, "bench: %s: an org of %d Macs was made in %s\n", k.name, n, time.Since(began).Round(time.Second))
	}
	var out outcome
	if out.empty, err = orgs[1].authority.empty(ctx, orgs[1].macs); err != nil {
		return nil, err
	}
	if out.alike, err = taken(ctx, orgs); err != nil {
		return nil, err
	}
	orgs[0].hangUp() // there are not open files for both
	if out.load, err = orgs[1].full(ctx); err != nil {
		return nil, err
	}
	if out.anew, err = orgs[1].anew(ctx); err != nil {
		return nil, err
	}
	if out.deskTimes, err = orgs[1].deskTimes(ctx, macs); err != nil {
		return nil, err
	}
	return k.rows(out, macs), nil
}

// rows say what came of it: first the ratio of a check-in's whole cost, with as
// many Macs connected to either org, so that what the connections of many more
// cost is not told as what the org costs.
func (k kind) rows(of outcome, macs int) []row {
	const mostCPU, dearer = 350 * time.Microsecond, 1.2
	in := fmt.Sprintf("org of %d Macs in %s: ", macs, k.name)
	cost := func(l load) time.Duration { return l.each(l.server + l.database) }
	small, alike := of.alike[0], of.alike[1]
	ratio := func(l load) float64 { return float64(cost(l)) / float64(cost(small)) }
	connected := min(macs, checkingIn())
	out := []row{
		{what: fmt.Sprintf("%scost of a check-in / in one of %d, %d Macs connected to both", in, few, few), ratio: ratio(alike), figures: fmt.Sprintf("%s / %s of processor time", micros(cost(alike)), micros(cost(small))), target: fmt.Sprintf("%.1fx", dearer), within: ratio(alike) <= dearer},
		{what: fmt.Sprintf("%sthe same with %d Macs connected to the large one", in, connected), ratio: ratio(of.load), figures: fmt.Sprintf("%s / %s of processor time", micros(cost(of.load)), micros(cost(small)))},
		{what: in + "empty answers over the same TLS / check-ins", ratio: of.empty / of.rate(), figures: fmt.Sprintf("%.0f / %.0f a second (check-ins with %d Macs: %.0f)", of.empty, of.rate(), few, small.rate())},
		{what: in + "check-ins, 32 at once", figures: fmt.Sprintf("%.0f a second (p99 %s)", of.rate(), millis(quantile(of.times, 0.99))), target: fmt.Sprintf("%.0f", k.atLeast), within: of.rate() >= k.atLeast},
		{what: in + "processor time of a check-in", figures: fmt.Sprintf("server %s, database %s (%s and %s with %d Macs)", micros(of.each(of.server)), micros(of.each(of.load.database)), micros(small.each(small.server)), micros(small.each(small.database)), few), target: micros(mostCPU), within: of.each(of.server) <= mostCPU},
		{what: in + "check-ins, each with a handshake", figures: fmt.Sprintf("%.0f a second, server %s, database %s", of.anew.rate(), micros(of.anew.each(of.anew.server)), micros(of.anew.each(of.anew.database)))},
		{what: in + "server's memory before, halfway, after", figures: fmt.Sprintf("%s, %s, %s, with %d connections", megabytes(of.before), megabytes(of.middle), megabytes(of.last), connected)},
	}
	for _, d := range []struct {
		what  string
		times []time.Duration
		most  time.Duration
	}{{"a key is typed into the search", of.typed, 50 * time.Millisecond}, {"the page of a Mac", of.device, 30 * time.Millisecond}, {"a PIN is generated", of.pins, 25 * time.Millisecond}} {
		p99 := quantile(d.times, 0.99)
		out = append(out, row{what: in + d.what, figures: fmt.Sprintf("p99 %s (median %s)", millis(p99), millis(median(d.times))), target: millis(d.most), within: p99 <= d.most})
	}
	return out
}
