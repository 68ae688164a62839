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

// PushesOf are a user's of the last PushLife and a little, the newest first.
func (b *Book) PushesOf(ctx context.Context, tx *sql.Tx, userID string) ([]Push, error) {
	found, err := store.All(ctx, tx, scanQuestion, `SELECT `+questionColumns+` FROM pushes WHERE user_id = $1 AND created_at > $2 ORDER BY created_at DESC, id`,
		userID, store.Micros(b.Now().Add(-shownAfter)))
	if err != nil {
		return nil, fmt.Errorf("list the pushes to user %s: %w", userID, err)
	}
	out := []Push{}
	for _, q := range found {
		p, err := b.described(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Standing is which pushes there were lately, and where each is in its life: what
// differs between two moments is news to the phones of the users.
func (b *Book) Standing(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	found, err := store.All(ctx, tx, scanQuestion, `SELECT `+questionColumns+` FROM pushes WHERE created_at > $1 ORDER BY created_at, id`, store.Micros(b.Now().Add(-shownAfter)))
	if err != nil {
		return nil, fmt.Errorf("list pushes: %w", err)
	}
	out := map[string]string{}
	for _, q := range found {
		out[q.userID] += q.id + " " + string(q.now(b.Now())) + "\n"
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
		AskedAt: q.created, ExpiresAt: q.expires, AnsweredAt: q.answered, AnsweredBy: q.by, Reason: q.reason, From: q.from}, err
}

// Approve answers a push with yes. With number matching it takes the number that
// the Mac shows; a wrong one refuses the push. Errors: ErrNotFound, ErrState,
// ErrNumber, ErrWrongNumber, or the database's.
func (b *Book) Approve(ctx context.Context, id, number string, by By) error {
	return b.answer(ctx, id, by, func(tx *sql.Tx, q question, u directory.User) (no, err error) {
		number = strings.TrimSpace(number)
		switch {
		case q.number == "":
		case len(number) != 2 || strings.Trim(number, "0123456789") != "":
			return nil, ErrNumber
		case !hmac.Equal([]byte(b.numberDigest(q.id, number)), []byte(q.number)):
			return ErrWrongNumber, b.refuse(ctx, tx, q, u, by, reasonNumber)
		}
		if err := b.answered(ctx, tx, q, Approved, "", by); err != nil {
			return nil, err
		}
		return nil, b.tellAnswer(ctx, tx, q, u, by, systemlog.Event{Type: systemlog.PushApprove, Message: "Push approved"})
	})
}

// Deny answers a push with no. notMe is "this wasn't me": somebody else knows
// enough to ask, and pushes to the user are blocked until an administrator lifts
// it. Errors: ErrNotFound, ErrState, or the database's.
func (b *Book) Deny(ctx context.Context, id string, notMe bool, by By) error {
	return b.answer(ctx, id, by, func(tx *sql.Tx, q question, u directory.User) (no, err error) {
		if notMe {
			return nil, errors.Join(b.refuse(ctx, tx, q, u, by, reasonNotMe), b.block(ctx, tx, q, u, by))
		}
		return nil, b.refuse(ctx, tx, q, u, by, reasonRefused)
	})
}

// answer finds a push that waits, for do to answer; no is a refusal to be
// committed. A phone finds the pushes of its user alone.
func (b *Book) answer(ctx context.Context, id string, by By, do func(tx *sql.Tx, q question, u directory.User) (no, err error)) error {
	var no error
	err := b.DB.Update(ctx, func(tx *sql.Tx) error {
		q, err := scanQuestion(tx.QueryRowContext(ctx, `SELECT `+questionColumns+` FROM pushes WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("push %q: %w", id, ErrNotFound)
		}
		if err != nil {
			return fmt.Errorf("read push %q: %w", id, err)
		}
		u, err := directory.FindUser(ctx, tx, q.userID)
		if err != nil {
			return err
		}
		if by.Phone != nil && by.Phone.User.ID != u.ID {
			no = fmt.Errorf("push %q: %w", id, ErrNotFound)
			return b.notTaken(ctx, tx, q, by.Phone.User, by, reasonPhone)
		}
		if state := q.now(b.Now()); state != Waiting {
			no = &EndedError{ID: id, State: state, Reason: q.reason}
			return b.notTaken(ctx, tx, q, u, by, string(state))
		}
		no, err = do(tx, q, u)
		return err
	})
	return errors.Join(err, no)
}

// EndedError is an answer to a push that does not wait any more. It is
// ErrState.
type EndedError struct {
	ID     string
	State  State
	Reason string // why it was refused; "" else
}

// Error says how it has ended.
func (e *EndedError) Error() string { return fmt.Sprintf("push %s is %s: %v", e.ID, e.State, ErrState) }

// Unwrap is ErrState.
func (e *EndedError) Unwrap() error { return ErrState }

// notTaken tells of an answer that came twice, late, or from a phone of another
// user, whom it is told of.
func (b *Book) notTaken(ctx context.Context, tx *sql.Tx, q question, of directory.User, by By, reason string) error {
	return b.tellChange(ctx, tx, of, by, systemlog.Event{Type: systemlog.PushNotTaken, Severity: systemlog.Warn, Message: "An answer to a push was not taken",
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reason}, Detail: map[string]string{"push": q.id}})
}

func (b *Book) answered(ctx context.Context, tx *sql.Tx, q question, s State, reason string, by By) error {
	phone := ""
	if by.Phone != nil {
		phone = by.Phone.ID
	}
	_, err := tx.ExecContext(ctx, `UPDATE pushes SET state = $2, answered_at = $3, reason = $4, answered_by = $5 WHERE id = $1`, q.id, string(s), store.Micros(b.Now()), reason, phone)
	if err != nil {
		return fmt.Errorf("answer push %s: %w", q.id, err)
	}
	return nil
}

func (b *Book) refuse(ctx context.Context, tx *sql.Tx, q question, u directory.User, by By, reason string) error {
	if err := b.answered(ctx, tx, q, Refused, reason, by); err != nil {
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
	if by.Phone != nil {
		e.Detail["phone"] = by.Phone.ID
	}
	return b.tellChange(ctx, tx, u, by, e)
}
