package factor

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Pushes are those that wait for an answer, the oldest first; with all also the
// ones of the last day that do not.
func (b *Book) Pushes(ctx context.Context, tx *sql.Tx, all bool) ([]Push, error) {
	found, err := store.All(ctx, tx, scanQuestion, `SELECT `+questionColumns+` FROM pushes ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list pushes: %w", err)
	}
	out := []Push{}
	for _, q := range found {
		if !all && q.now(b.Now()) != Waiting {
			continue
		}
		p, err := b.described(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// described adds who and which Mac. A Mac that was deleted since has only its
// id.
func (b *Book) described(ctx context.Context, tx *sql.Tx, q question) (Push, error) {
	u, err := directory.FindUser(ctx, tx, q.userID)
	if err != nil {
		return Push{}, err
	}
	d, err := directory.DeviceByID(ctx, tx, q.deviceID)
	if errors.Is(err, ErrNotFound) {
		d, err = directory.Device{ID: q.deviceID, Serial: q.deviceID}, nil
	}
	return Push{ID: q.id, User: u, Device: d, ClientID: q.clientID, State: q.now(b.Now()), Numbers: strings.Fields(q.shown),
		AskedAt: q.created, ExpiresAt: q.expires, AnsweredAt: q.answered}, err
}

// Approve answers a push with yes. With number matching it takes the number that
// the Mac shows; a wrong one refuses the push. Errors: ErrNotFound, ErrState,
// ErrNumber, ErrWrongNumber, or the database's.
func (b *Book) Approve(ctx context.Context, id, number string, by By) error {
	return b.answer(ctx, id, func(tx *sql.Tx, q question, u directory.User) (no, err error) {
		number = strings.TrimSpace(number)
		switch {
		case q.number == "":
		case len(number) != 2 || strings.Trim(number, "0123456789") != "":
			return nil, ErrNumber
		case !hmac.Equal([]byte(b.numberDigest(q.id, number)), []byte(q.number)):
			return ErrWrongNumber, b.refuse(ctx, tx, q, u, by, reasonNumber)
		}
		if err := b.answered(ctx, tx, q, Approved); err != nil {
			return nil, err
		}
		return nil, b.tellAnswer(ctx, tx, q, u, by, systemlog.Event{Type: systemlog.PushApprove, Message: "Push approved"})
	})
}

// Deny answers a push with no. notMe is "this wasn't me": somebody else knows
// enough to ask, and pushes to the user are blocked until an administrator lifts
// it. Errors: ErrNotFound, ErrState, or the database's.
func (b *Book) Deny(ctx context.Context, id string, notMe bool, by By) error {
	return b.answer(ctx, id, func(tx *sql.Tx, q question, u directory.User) (no, err error) {
		if notMe {
			return nil, errors.Join(b.refuse(ctx, tx, q, u, by, reasonNotMe), b.block(ctx, tx, q, u, by))
		}
		return nil, b.refuse(ctx, tx, q, u, by, reasonRefused)
	})
}

// answer finds a push that waits, for do to answer; no is a refusal to be
// committed.
func (b *Book) answer(ctx context.Context, id string, do func(tx *sql.Tx, q question, u directory.User) (no, err error)) error {
	var no error
	err := b.DB.Update(ctx, func(tx *sql.Tx) error {
		q, err := scanQuestion(tx.QueryRowContext(ctx, `SELECT `+questionColumns+` FROM pushes WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("push %q: %w", id, ErrNotFound)
		}
		if err != nil {
			return fmt.Errorf("read push %q: %w", id, err)
		}
		if state := q.now(b.Now()); state != Waiting {
			return fmt.Errorf("push %s is %s: %w", id, state, ErrState)
		}
		u, err := directory.FindUser(ctx, tx, q.userID)
		if err == nil {
			no, err = do(tx, q, u)
		}
		return err
	})
	return errors.Join(err, no)
}

func (b *Book) answered(ctx context.Context, tx *sql.Tx, q question, s State) error {
	if _, err := tx.ExecContext(ctx, `UPDATE pushes SET state = $2, answered_at = $3 WHERE id = $1`, q.id, string(s), store.Micros(b.Now())); err != nil {
		return fmt.Errorf("answer push %s: %w", q.id, err)
	}
	return nil
}

func (b *Book) refuse(ctx context.Context, tx *sql.Tx, q question, u directory.User, by By, reason string) error {
	if err := b.answered(ctx, tx, q, Refused); err != nil {
		return err
	}
	err := b.tellAnswer(ctx, tx, q, u, by, systemlog.Event{Type: systemlog.PushDeny, Severity: systemlog.Warn, Message: "Push refused",
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reason}})
	if err != nil || reason == reasonNotMe {
		return err // a block is more than a pause
	}
	_, err = b.pause(ctx, tx, u)
	return err
}

func (b *Book) tellAnswer(ctx context.Context, tx *sql.Tx, q question, u directory.User, by By, e systemlog.Event) error {
	p, err := b.described(ctx, tx, q)
	if err != nil {
		return err
	}
	e.Targets = append(e.Targets, deviceTarget(p.Device))
	e.Detail = map[string]string{"push": q.id}
	return b.tellChange(ctx, tx, u, by, e)
}
