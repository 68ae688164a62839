package main

import (
	"context"
	"fmt"
	"time"
)

// outcome is what was measured of a large org, and of a small one beside it.
type outcome struct {
	load          // of all Macs of the large one
	alike [2]load // of the small and of the large one, with as many connected
	anew  load    // each with a handshake
	deskTimes
	empty float64 // requests a second that an empty answer allows
}

// Turns are taken since a machine that others share is now faster and now
// slower, by more than what is looked for: both orgs meet the same of it. A Mac
// may send 30 check-ins at once and two a second.
const (
	turns     = 10
	perTurn   = 6
	turnEvery = 3 * time.Second
)

// taken has as many Macs of either org check in, by turns.
func taken(ctx context.Context, orgs [2]*org) (of [2]load, err error) {
	var some [2][]*measured
	for i, o := range orgs {
		some[i] = spread(o.macs, few)
		if err := o.ready(ctx, some[i]); err != nil {
			return of, err
		}
	}
	for range turns {
		next := time.After(turnEvery)
		for i, o := range orgs {
			more, err := o.drive(ctx, some[i], time.Now().Add(loadTime), perTurn, checkIn)
			if err != nil {
				return of, fmt.Errorf("%d Macs of %s: %w", len(some[i]), o.name, err)
			}
			of[i].add(more)
		}
		select {
		case <-next:
		case <-ctx.Done():
			return of, ctx.Err()
		}
	}
	return of, nil
}

// spread are n of the Macs, from the first to the last.
func spread(macs []*measured, n int) (some []*measured) {
	for i := range min(n, len(macs)) {
		some = append(some, macs[i*len(macs)/min(n, len(macs))])
	}
	return some
}
