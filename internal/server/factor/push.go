package factor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Times of a push.
const (
	PushLife     = 5 * time.Minute
	PollInterval = 5 * time.Second
	pollSlack    = time.Second              // a timer that is early is no reason to slow down
	shownAfter   = PushLife + 2*time.Minute // so long a phone says what became of one
	keepPushes   = 24 * time.Hour           // rows, for the cap and for who asks what happened
)

// State is where a push is in its life.
type State string

// The states. Expired is not stored: a push that waits is it by its time.
const (
	Waiting    State = "WAITING"
	Approved   State = "APPROVED"
	Refused    State = "REFUSED"
	Expired    State = "EXPIRED"
	Superseded State = "SUPERSEDED" // by a newer one of the user
	Used       State = "USED"       // approved, and signed in with
	Voided     State = "VOIDED"     // by a change of the user's factors
)

// Push is a question to a user, without what is secret of it.
type Push struct {
	ID         string
	User       directory.User
	Device     directory.Device // that asked, known by its certificate
	ClientID   string
	State      State
	Numbers    []string // to choose from; none without number matching
	AskedAt    time.Time
	ExpiresAt  time.Time
	AnsweredAt time.Time // zero is not yet
	AnsweredBy string    // the factor; "" of the server's machine, or of nobody yet
	Reason     string    // why it was refused; "" else
	From       string    // the address that the Mac asked from; "" where it is not known
}

// Challenge is what the Mac gets for a push.
type Challenge struct {
	Code   string // that it asks for the answer with
	Number string // to show; "" without number matching
}

// Push asks the user's phone. mfa is the token that a password was answered
// with, or "" where the push comes first. Errors: ErrNoFactor, ErrExpired of the
// token, *WaitError while pushes to the user are stopped, or the database's.
func (b *Book) Push(ctx context.Context, s Subject, mfa string, a Asker) (c Challenge, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		u, active, err := b.active(ctx, tx, s)
		if err != nil {
			return err
		}
		if no, err = b.mayPush(ctx, tx, u, active, a); err != nil || no != nil {
			return err
		}
		if mfa != "" {
			if owner, err := b.owner(ctx, tx, mfa, a); err != nil || owner.ID != u.ID {
				return errors.Join(err, ErrExpired)
			}
		}
		c, err = b.send(ctx, tx, u, mfa, a)
		return err
	})
	if err == nil && no == nil && b.Sent != nil {
		b.Sent(s.User.ID)
	}
	return c, errors.Join(err, no)
}

// mayPush is nil where a push may be sent; the refusals are told of.
func (b *Book) mayPush(ctx context.Context, tx *sql.Tx, u directory.User, active bool, a Asker) (no, err error) {
	factors, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return nil, err
	}
	stop, err := b.StopOf(ctx, tx, u.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case !active || !has(factors, KindPush):
		return ErrNoFactor, b.tell(ctx, tx, u, a, failed(KindPush, why(u, active)))
	case stop.Blocked():
		return ErrNoFactor, b.tell(ctx, tx, u, a, failed(KindPush, "PUSHES_BLOCKED"))
	case stop.PausedUntil.After(b.Now()):
		return &WaitError{stop.PausedUntil.Sub(b.Now())}, nil // told of when it began
	}
	paused, err := b.pause(ctx, tx, u)
	if paused {
		no = &WaitError{PauseLife}
	}
	return no, err
}

func (b *Book) send(ctx context.Context, tx *sql.Tx, u directory.User, mfa string, a Asker) (c Challenge, err error) {
	settings, err := directory.Settings(ctx, tx)
	if err != nil {
		return c, err
	}
	now, id := b.Now(), store.NewID("psh")
	c.Code = rand.Text()
	var shown []string
	if settings.NumberMatching {
		c.Number, shown = numbers()
	}
	if err := b.supersede(ctx, tx, u, now); err != nil {
		return c, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO pushes (id, code_digest, mfa_digest, number_digest, shown, user_id, client_id, device_id, state, created_at, expires_at, asked_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		id, b.digest("oob", c.Code), b.mfaDigest(mfa), b.numberDigest(id, c.Number), strings.Join(shown, " "), u.ID, a.ClientID, a.Device.ID,
		string(Waiting), store.Micros(now), store.Micros(now.Add(PushLife)), a.From.IPAddress)
	if err != nil {
		return c, fmt.Errorf("store a push to user %q: %w", u.Login, err)
	}
	return c, b.tell(ctx, tx, u, a, systemlog.Event{Type: systemlog.PushSent, Message: "Push sent to a user",
		Detail: map[string]string{"push": id, "number_matching": fmt.Sprint(settings.NumberMatching)}})
}

// supersede ends the push that waits: with two at a time nobody knows which one
// is theirs. Rows of yesterday go.
func (b *Book) supersede(ctx context.Context, tx *sql.Tx, u directory.User, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE pushes SET state = $2 WHERE user_id = $1 AND state IN ($3, $4)`, u.ID, string(Superseded), string(Waiting), string(Approved))
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM pushes WHERE created_at < $1`, store.Micros(now.Add(-keepPushes)))
	}
	if err != nil {
		return fmt.Errorf("end the earlier push to user %q: %w", u.Login, err)
	}
	return nil
}

func (b *Book) mfaDigest(token string) string {
	if token == "" {
		return ""
	}
	return b.digest("mfa", token)
}

func (b *Book) numberDigest(id, number string) string {
	if number == "" {
		return ""
	}
	return b.digest("number", id, number)
}

// numbers are the one to match, and that among two others, in their order.
func numbers() (right string, shown []string) {
	for len(shown) < 3 {
		// crypto/rand never fails on the supported systems: it ends the program.
		n, _ := rand.Int(rand.Reader, big.NewInt(90))
		if text := fmt.Sprint(10 + n.Int64()); !slices.Contains(shown, text) {
			shown = append(shown, text)
		}
	}
	right = shown[0]
	slices.Sort(shown)
	return right, shown
}

// question is a stored push.
type question struct {
	id, number, mfa            string // number and mfa are digests
	userID, clientID, deviceID string
	state                      State
	created, expires, polled   time.Time
	answered                   time.Time
	shown                      string
	by, reason, from           string
}

const questionColumns = `id, number_digest, mfa_digest, user_id, client_id, device_id, state, created_at, expires_at, polled_at, answered_at, shown, answered_by, reason, asked_from`

func scanQuestion(s store.Scanner) (q question, err error) {
	var created, expires, polled, answered sql.NullInt64
	err = s.Scan(&q.id, &q.number, &q.mfa, &q.userID, &q.clientID, &q.deviceID, &q.state, &created, &expires, &polled, &answered, &q.shown, &q.by, &q.reason, &q.from)
	q.created, q.expires, q.polled, q.answered = store.Time(created), store.Time(expires), store.Time(polled), store.Time(answered)
	return q, err
}

// now is the state by the time.
func (q question) now(at time.Time) State {
	if (q.state == Waiting || q.state == Approved) && !at.Before(q.expires) {
		return Expired
	}
	return q.state
}

// Redeem asks for the answer to a push and, once it is approved, signs in with
// it: that once. Errors: ErrPending, ErrSlowDown, ErrDenied, ErrExpired, or the
// database's.
func (b *Book) Redeem(ctx context.Context, code, mfa string, a Asker) (u directory.User, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		u, no, err = b.redeem(ctx, tx, code, mfa, a)
		return err
	})
	if err := errors.Join(err, no); err != nil {
		return directory.User{}, err
	}
	return u, nil
}

func (b *Book) redeem(ctx context.Context, tx *sql.Tx, code, mfa string, a Asker) (u directory.User, no, err error) {
	q, err := scanQuestion(tx.QueryRowContext(ctx, `SELECT `+questionColumns+` FROM pushes WHERE code_digest = $1`, b.digest("oob", code)))
	if errors.Is(err, sql.ErrNoRows) {
		return u, ErrExpired, nil
	}
	if err != nil {
		return u, nil, fmt.Errorf("read a push: %w", err)
	}
	if u, err = directory.FindUser(ctx, tx, q.userID); err != nil {
		return u, nil, err
	}
	if q.clientID != a.ClientID || q.deviceID != a.Device.ID || q.mfa != b.mfaDigest(mfa) {
		return u, ErrExpired, b.tell(ctx, tx, u, a, failed(KindPush, reasonForeign))
	}
	if early := !q.polled.IsZero() && b.Now().Sub(q.polled) < PollInterval-pollSlack; early {
		return u, ErrSlowDown, b.polled(ctx, tx, q)
	}
	if no := q.answer(b.Now()); no != nil {
		return u, no, b.polled(ctx, tx, q)
	}
	return u, nil, b.use(ctx, tx, q, u, mfa, a)
}

// answer is nil once the push is approved.
func (q question) answer(at time.Time) error {
	switch q.now(at) {
	case Approved:
		return nil
	case Waiting:
		return ErrPending
	case Refused:
		return ErrDenied
	}
	return ErrExpired
}

func (b *Book) polled(ctx context.Context, tx *sql.Tx, q question) error {
	if _, err := tx.ExecContext(ctx, `UPDATE pushes SET polled_at = $2 WHERE id = $1`, q.id, store.Micros(b.Now())); err != nil {
		return fmt.Errorf("keep when push %s was asked for: %w", q.id, err)
	}
	return nil
}

// use signs in with an approved push. The error is ErrExpired for who may not
// sign in by now.
func (b *Book) use(ctx context.Context, tx *sql.Tx, q question, u directory.User, mfa string, a Asker) error {
	if u.Status != directory.Active {
		return ErrExpired
	}
	if err := b.spend(ctx, tx, mfa, u, a); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE pushes SET state = $2 WHERE id = $1`, q.id, string(Used)); err != nil {
		return fmt.Errorf("use push %s up: %w", q.id, err)
	}
	// Where it is not known which phone it was, it was one of them.
	if _, err := tx.ExecContext(ctx, `UPDATE user_factors SET used_at = $3 WHERE user_id = $1 AND kind = $2 AND (id = $4 OR $4 = '')`, u.ID, KindPush, store.Micros(b.Now()), q.by); err != nil {
		return fmt.Errorf("keep when a phone of user %q was used: %w", u.Login, err)
	}
	e := passed(KindPush)
	e.Detail["push"] = q.id
	return b.tell(ctx, tx, u, a, e)
}
