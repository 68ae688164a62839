package factor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Waits after wrong tries of one user with one kind of factor.
const (
	Tries       = 5              // wrong ones in a row, then it waits
	FirstWait   = time.Minute    // doubled by each further one
	LongestWait = time.Hour      // at most
	forgetAfter = 24 * time.Hour // without a wrong try
	maxCounters = 100_000        // rows; beyond that the oldest go
)

// tally is the count of somebody's tries, after this one.
type tally struct {
	counter string
	misses  int
	until   time.Time // zero: no wait
}

// waitAfter is the wait after so many wrong tries; none before the fifth.
func waitAfter(misses int) time.Duration {
	if misses < Tries {
		return 0
	}
	// Six doublings are more than the longest wait.
	return min(FirstWait<<min(misses-Tries, 6), LongestWait)
}

// count counts a try before anything is compared: a crash, or a caller that
// hangs up, must not give a free one. Nobody's tries are counted too: a wait
// must not tell who is somebody. The error is a *WaitError, or the database's.
func (b *Book) count(ctx context.Context, s Subject, kind string) (t tally, err error) {
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		if err := b.forget(ctx, tx); err != nil {
			return err
		}
		t = tally{counter: b.digest("tries", kind, s.Key)}
		var until sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT misses, wait_until FROM user_tries WHERE counter = $1`, t.counter).Scan(&t.misses, &until)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read the wrong tries: %w", err)
		}
		if wait := store.Time(until).Sub(b.Now()); until.Valid && wait > 0 {
			return &WaitError{wait}
		}
		return b.oneMore(ctx, tx, &t)
	})
	return t, err
}

func (b *Book) oneMore(ctx context.Context, tx *sql.Tx, t *tally) error {
	t.misses++
	if wait := waitAfter(t.misses); wait > 0 {
		t.until = b.Now().Add(wait)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO user_tries (counter, misses, last_at, wait_until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (counter) DO UPDATE SET misses = excluded.misses, last_at = excluded.last_at, wait_until = excluded.wait_until`,
		t.counter, t.misses, store.Micros(b.Now()), store.Micros(t.until))
	if err != nil {
		return fmt.Errorf("count a try: %w", err)
	}
	return nil
}

// forget bounds the table.
func (b *Book) forget(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM user_tries WHERE last_at <= $1 OR last_at < (
		SELECT min(last_at) FROM (SELECT last_at FROM user_tries ORDER BY last_at DESC LIMIT $2) AS kept)`,
		store.Micros(b.Now().Add(-forgetAfter)), maxCounters)
	if err != nil {
		return fmt.Errorf("forget old tries: %w", err)
	}
	return nil
}

// pardon ends the count after a right try.
func (b *Book) pardon(ctx context.Context, tx *sql.Tx, t tally) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM user_tries WHERE counter = $1`, t.counter); err != nil {
		return fmt.Errorf("end the count of wrong tries: %w", err)
	}
	return nil
}

// missed tells of a wrong try, and of the wait that it began.
func (b *Book) missed(ctx context.Context, tx *sql.Tx, u directory.User, a Asker, t tally, e systemlog.Event) error {
	if err := b.tell(ctx, tx, u, a, e); err != nil || t.until.IsZero() {
		return err
	}
	return b.tell(ctx, tx, u, a, systemlog.Event{Type: systemlog.AccountLock, Severity: systemlog.Warn, Message: "Too many wrong tries of a user: they must wait",
		Detail: map[string]string{"factor": e.Detail["factor"], "misses": strconv.Itoa(t.misses), "wait_seconds": strconv.Itoa(seconds(t.until.Sub(b.Now())))}})
}
