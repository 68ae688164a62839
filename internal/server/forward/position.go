package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// position is how far a destination has come.
type position struct {
	seq       uint64
	holder    string
	heldUntil time.Time
}

func read(ctx context.Context, tx *sql.Tx, name string) (p position, known bool, err error) {
	var until sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT seq, holder, held_until FROM forwarding WHERE destination = $1`, name).Scan(&p.seq, &p.holder, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return position{}, false, nil
	}
	if err != nil {
		return position{}, false, fmt.Errorf("read how far %s has come: %w", name, err)
	}
	p.heldUntil = store.Time(until)
	return p, true, nil
}

// others reports whether another server forwards there.
func (f *Forwarder) others(p position) bool {
	return p.holder != f.Server && f.Now().Before(p.heldUntil)
}

// next is what a destination does not have yet, once this server holds it. It
// writes nothing while there is nothing new.
func (f *Forwarder) next(ctx context.Context, d Destination) (events []systemlog.Event, mine bool, err error) {
	known := false
	err = f.DB.View(ctx, func(tx *sql.Tx) (err error) {
		var p position
		if p, known, err = read(ctx, tx, d.Name()); err != nil || !known || f.others(p) {
			return err
		}
		events, err = f.Log.Find(ctx, tx, systemlog.Query{After: p.seq, Limit: batch})
		return err
	})
	if err != nil || known && len(events) == 0 {
		return nil, false, err
	}
	err = f.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		mine, events, err = f.hold(ctx, tx, d)
		return err
	})
	return events, mine, err
}

// hold takes a destination, unless another server has it.
func (f *Forwarder) hold(ctx context.Context, tx *sql.Tx, d Destination) (mine bool, events []systemlog.Event, err error) {
	p, known, err := read(ctx, tx, d.Name())
	if err == nil && !known {
		p.seq, err = f.begin(ctx, tx, d)
	}
	if err != nil || known && f.others(p) {
		return false, nil, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE forwarding SET holder = $2, held_until = $3 WHERE destination = $1`, d.Name(), f.Server, store.Micros(f.Now().Add(held)))
	if err != nil {
		return false, nil, fmt.Errorf("take %s: %w", d.Name(), err)
	}
	events, err = f.Log.Find(ctx, tx, systemlog.Query{After: p.seq, Limit: batch})
	return true, events, err
}

// begin notes a destination that is new, at the end of the log or its beginning.
func (f *Forwarder) begin(ctx context.Context, tx *sql.Tx, d Destination) (seq uint64, err error) {
	if !f.Whole {
		newest, err := f.Log.Find(ctx, tx, systemlog.Query{Newest: true, Limit: 1})
		if err != nil {
			return 0, err
		}
		if len(newest) > 0 {
			seq = newest[0].Seq
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO forwarding (destination, seq, holder, held_until, trouble) VALUES ($1, $2, '', 0, '')`, d.Name(), int64(seq))
	if err != nil {
		return 0, fmt.Errorf("begin with %s: %w", d.Name(), err)
	}
	return seq, nil
}

// sent notes how far a destination has come, if it is still this server's.
func (f *Forwarder) sent(ctx context.Context, d Destination, seq uint64) error {
	return f.note(ctx, d, `UPDATE forwarding SET seq = $3, failed_at = NULL, trouble = '' WHERE destination = $1 AND holder = $2`, int64(seq))
}

// failed notes why, for administrators to see, and returns it.
func (f *Forwarder) failed(ctx context.Context, d Destination, why error) error {
	text := []rune(why.Error())
	err := f.note(ctx, d, `UPDATE forwarding SET failed_at = COALESCE(failed_at, $3), trouble = $4 WHERE destination = $1 AND holder = $2`,
		store.Micros(f.Now()), string(text[:min(len(text), 300)]))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(why, err)
}

// release lets another server go on at once.
func (f *Forwarder) release(ctx context.Context, d Destination) {
	ctx, done := context.WithTimeout(ctx, time.Second)
	defer done()
	_ = f.note(ctx, d, `UPDATE forwarding SET holder = '', held_until = 0 WHERE destination = $1 AND holder = $2`) // else they wait a little
}

func (f *Forwarder) note(ctx context.Context, d Destination, statement string, more ...any) error {
	return f.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, statement, append([]any{d.Name(), f.Server}, more...)...); err != nil {
			return fmt.Errorf("note how far %s has come: %w", d.Name(), err)
		}
		return nil
	})
}

// Standing is how forwarding to a destination stands.
type Standing struct {
	Destination string
	Seq         uint64    // the last event that it has
	FailedAt    time.Time // since when it has failed; zero: it has not
	Trouble     string    // how it failed last
}

// Standings are of all destinations that there ever were, by name.
func Standings(ctx context.Context, tx *sql.Tx) ([]Standing, error) {
	return store.All(ctx, tx, func(row store.Scanner) (s Standing, err error) {
		var failed sql.NullInt64
		err = row.Scan(&s.Destination, &s.Seq, &failed, &s.Trouble)
		s.FailedAt = store.Time(failed)
		return s, err
	}, `SELECT destination, seq, failed_at, trouble FROM forwarding ORDER BY destination`)
}
