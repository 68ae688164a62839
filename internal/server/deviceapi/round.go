package deviceapi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxRound is how many check-ins are answered in one transaction.
const maxRound = 64

// visit is a check-in that waits for its round, and then its answer. An
// *apierror.Error is an answer too, with which what was written is committed.
type visit struct {
	id      identity
	request string // SHA-256 of its bytes
	in      wire.CheckIn

	raw  []byte
	err  error
	done chan struct{}
}

// rounds answers check-ins that come at the same time in one transaction: one
// writes at a time anyway, and what costs is to begin, and to wait for the disk
// at the end. The first to come answers all that wait when its turn begins; a
// Mac that comes alone waits for nobody.
type rounds struct {
	mu      sync.Mutex
	waiting []*visit
	turn    chan struct{} // holds one while a round runs
}

// enter lets v wait.
func (r *rounds) enter(v *visit) (turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn == nil {
		r.turn = make(chan struct{}, 1)
	}
	r.waiting = append(r.waiting, v)
	return r.turn
}

// next are those of the next round, none of which has anything to do with
// another: a Mac, or a certificate, that is in it twice waits for the one after.
func (r *rounds) next() (in []*visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var later []*visit
	taken := map[string]bool{}
	for _, v := range r.waiting {
		certificate, serial := "certificate "+v.id.fingerprint, "serial "+store.Fold(v.in.Device.Serial)
		if len(in) == maxRound || taken[certificate] || taken[serial] {
			later = append(later, v)
			continue
		}
		taken[certificate], taken[serial] = true, true
		in = append(in, v)
	}
	r.waiting = later
	return in
}

// leave takes v out, unless its round has begun.
func (r *rounds) leave(v *visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.waiting {
		if r.waiting[i] == v {
			r.waiting = append(r.waiting[:i:i], r.waiting[i+1:]...)
			return
		}
	}
}

// inRound answers a visit. When ctx ends first, it is not taken, or is as if its
// answer were lost on the way: the Mac asks again.
func (s *Server) inRound(ctx context.Context, v *visit) ([]byte, error) {
	v.done = make(chan struct{})
	turn := s.rounds.enter(v)
	for {
		// Who has gone reads no answer, whatever else has happened meanwhile.
		if ctx.Err() != nil {
			s.rounds.leave(v)
			return nil, ctx.Err()
		}
		select {
		case <-v.done:
			return v.raw, v.err
		case <-ctx.Done():
			s.rounds.leave(v)
			return nil, ctx.Err()
		case turn <- struct{}{}:
			s.round(ctx)
			<-turn
		}
	}
}

// round answers those who wait. It is of all of them, and goes on when the one
// whose turn it is goes away.
func (s *Server) round(ctx context.Context) {
	visits := s.rounds.next()
	if len(visits) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // the database bounds how long it takes
	err := s.settle(ctx, visits)
	for _, v := range visits {
		switch {
		case err != nil && len(visits) > 1 && !store.InTrouble(err):
			// Somebody's check-in: each alone, so that nobody is kept out by
			// another's. What ails the database would only be waited for again, as
			// often as there are visits.
			if alone := s.settle(ctx, []*visit{v}); alone != nil {
				v.err = alone
			}
		case err != nil:
			v.err = err
		}
		if v.err != nil {
			v.raw = nil
		}
		close(v.done)
	}
}

// settle answers visits in one transaction; with an error none of them is. What
// panics fails like an error: the goroutine is another Mac's, and the turn has to
// be given back.
func (s *Server) settle(ctx context.Context, visits []*visit) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("answer %d check-ins: panic: %v\n%s", len(visits), cause, debug.Stack())
		}
	}()
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		p, err := s.look(ctx, tx, visits)
		if err != nil {
			return err
		}
		for _, v := range visits {
			if err := s.visit(ctx, tx, p, v); err != nil {
				return err
			}
		}
		return p.finish(ctx, tx, s.Now())
	})
}

// visit answers one. A refusal is an answer: its event and the claim must stand.
func (s *Server) visit(ctx context.Context, tx *sql.Tx, p *picture, v *visit) error {
	v.raw, v.err = s.take(ctx, tx, p, v)
	var refusal *apierror.Error
	if errors.As(v.err, &refusal) {
		v.err = refusal
		return nil
	}
	return v.err
}
