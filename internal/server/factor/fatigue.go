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

// The cap on pushes: whoever is asked often enough says yes in the end.
const (
	PushCap    = 3                // unanswered or refused ones within CapWindow
	CapWindow  = 10 * time.Minute // of their making
	PauseLife  = time.Hour        // in which none is sent after that
	capReached = "PUSH_CAP"
)

// Stop is why a user is sent no pushes.
type Stop struct {
	PausedUntil time.Time // by the cap; zero, or past, is not
	BlockedAt   time.Time // by "this wasn't me", until it is lifted; zero is not
}

// Blocked reports whether an administrator must lift it.
func (s Stop) Blocked() bool { return !s.BlockedAt.IsZero() }

// StopOf is what is in force for a user; the zero Stop is nothing.
func (b *Book) StopOf(ctx context.Context, tx *sql.Tx, userID string) (s Stop, err error) {
	var paused, blocked sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT paused_until, blocked_at FROM push_stops WHERE user_id = $1`, userID).Scan(&paused, &blocked)
	if errors.Is(err, sql.ErrNoRows) {
		return Stop{}, nil
	}
	if err != nil {
		return s, fmt.Errorf("read whether pushes to user %s are stopped: %w", userID, err)
	}
	return Stop{PausedUntil: store.Time(paused), BlockedAt: store.Time(blocked)}, nil
}

func (b *Book) saveStop(ctx context.Context, tx *sql.Tx, u directory.User, s Stop) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO push_stops (user_id, paused_until, blocked_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET paused_until = excluded.paused_until, blocked_at = excluded.blocked_at`,
		u.ID, store.Micros(s.PausedUntil), store.Micros(s.BlockedAt))
	if err != nil {
		return fmt.Errorf("stop the pushes to user %q: %w", u.Login, err)
	}
	return nil
}

// pause stops pushes for an hour once the cap is reached, and reports whether it
// is. One that still waits counts: nobody has said yes to it.
func (b *Book) pause(ctx context.Context, tx *sql.Tx, u directory.User) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pushes WHERE user_id = $1 AND created_at > $2 AND state IN ($3, $4, $5)`,
		u.ID, store.Micros(b.Now().Add(-CapWindow)), string(Waiting), string(Superseded), string(Refused)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count the pushes to user %q: %w", u.Login, err)
	}
	if n < PushCap {
		return false, nil
	}
	s, err := b.StopOf(ctx, tx, u.ID)
	if err != nil {
		return true, err
	}
	s.PausedUntil = b.Now().Add(PauseLife)
	if err := b.saveStop(ctx, tx, u, s); err != nil {
		return true, err
	}
	return true, b.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.PushPause, Severity: systemlog.Warn, Message: "Too many pushes without an approval: none is sent to the user for an hour",
		Actor: systemlog.System(), Targets: []systemlog.Target{userTarget(u)}, Outcome: systemlog.Outcome{Result: systemlog.Success, Reason: capReached},
		Detail: map[string]string{"pushes": strconv.Itoa(n), "wait_seconds": strconv.Itoa(seconds(PauseLife))}})
}

// block stops pushes until an administrator lifts it, and ends what was begun.
func (b *Book) block(ctx context.Context, tx *sql.Tx, q question, u directory.User, by By) error {
	s, err := b.StopOf(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	s.BlockedAt = b.Now()
	if err := b.saveStop(ctx, tx, u, s); err != nil {
		return err
	}
	if err := b.voidOpen(ctx, tx, u); err != nil {
		return err
	}
	err = b.tellAnswer(ctx, tx, q, u, by, systemlog.Event{Type: systemlog.PushNotMe, Severity: systemlog.Warn, Message: "A user says of a push that it was not they who signed in"})
	if err != nil {
		return err
	}
	return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.PushBlock, Severity: systemlog.Warn, Message: "Pushes to a user are blocked until an administrator lifts it"})
}

// Unblock lifts a block, and a pause. Errors: ErrState where neither is in
// force, or the database's.
func (b *Book) Unblock(ctx context.Context, tx *sql.Tx, u directory.User, by By) error {
	s, err := b.StopOf(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	if !s.Blocked() && !s.PausedUntil.After(b.Now()) {
		return fmt.Errorf("pushes to user %q are not stopped: %w", u.Login, ErrState)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM push_stops WHERE user_id = $1`, u.ID); err != nil {
		return fmt.Errorf("lift the block of user %q: %w", u.Login, err)
	}
	// Those that led to it do not count again.
	if _, err := tx.ExecContext(ctx, `DELETE FROM pushes WHERE user_id = $1 AND state <> $2`, u.ID, string(Used)); err != nil {
		return fmt.Errorf("forget the pushes to user %q: %w", u.Login, err)
	}
	return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.PushUnblock, Severity: systemlog.Warn, Message: "Pushes to a user are no longer stopped"})
}
