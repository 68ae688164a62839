package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// What is tried, as the events say it.
const (
	stepPassword = "password"
	stepSetUp    = "set_up_code"
	stepTOTP     = "totp"
	stepRecovery = "recovery_code"
	stepPasskey  = "passkey"
)

// Reasons of a refusal, for the events alone.
const (
	reasonWrong       = "INVALID_CREDENTIALS"
	reasonState       = "ACCOUNT_NOT_ACTIVE"
	reasonCounterBack = "SIGN_COUNT_BACK" // somebody may have a copy of the passkey
)

// refusal is an ErrRefused with what the event says of it. The caller of the
// package sees ErrRefused alone.
type refusal struct{ reason string }

func (*refusal) Error() string { return ErrRefused.Error() }

func (*refusal) Unwrap() error { return ErrRefused }

func refuse(reason string) error { return &refusal{reason} }

// try is one attempt to prove something, counted already.
type try struct {
	step   string
	client systemlog.Client
	admin  record // the zero one where there is none of that login
	held   held   // of a try with a token
	tries  [2]counted
}

// open counts a try of whoever find finds.
func (s *Service) open(ctx context.Context, step string, client systemlog.Client, find func(tx *sql.Tx, t *try) (login string, err error)) (*try, error) {
	t := &try{step: step, client: client}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		login, err := find(tx, t)
		if err != nil {
			return err
		}
		t.tries, err = s.count(ctx, tx, s.accountKey(login), client)
		return err
	})
	return t, err
}

// openLogin counts a try with a login, which need not be anybody's.
func (s *Service) openLogin(ctx context.Context, step, login string, client systemlog.Client) (*try, error) {
	if len(login) > 4*maxText {
		login = ""
	}
	return s.open(ctx, step, client, func(tx *sql.Tx, t *try) (string, error) {
		var err error
		if t.admin, err = adminByLogin(ctx, tx, login); errors.Is(err, ErrNotFound) {
			return login, nil
		}
		return login, err
	})
}

// openToken counts a try with a session's token. A passkey's challenge is good
// for this one try.
func (s *Service) openToken(ctx context.Context, step, token string, client systemlog.Client, stages ...stage) (*try, error) {
	return s.open(ctx, step, client, func(tx *sql.Tx, t *try) (string, error) {
		var err error
		if t.held, err = s.load(ctx, tx, token, stages...); err != nil {
			return "", err
		}
		t.admin = t.held.admin
		return t.admin.Login, dropCeremony(ctx, tx, t.held.ID)
	})
}

// settle compares, within the transaction that acts on it. Prove returns a
// refusal before it has written anything; then the try stays counted, and is
// told.
func (s *Service) settle(ctx context.Context, t *try, prove func(tx *sql.Tx) error) error {
	var no *refusal
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		err := prove(tx)
		if errors.As(err, &no) {
			return s.tellRefusal(ctx, tx, t, no)
		}
		if err != nil {
			return err
		}
		return s.takeBack(ctx, tx, t.tries)
	})
	if err == nil && no != nil {
		return ErrRefused
	}
	return err
}

// proof reads again what was read before the try was counted, and refuses who
// may not sign in by now.
func (s *Service) proof(ctx context.Context, tx *sql.Tx, t *try, want Status) (record, error) {
	if t.admin.ID == "" {
		return record{}, refuse(reasonWrong)
	}
	r, err := adminByID(ctx, tx, t.admin.ID)
	if err == nil && r.Status != want {
		return record{}, refuse(reasonState)
	}
	return r, err
}

// stillHeld reads the session of a try again: it may have been ended, or used,
// since the try was counted.
func (s *Service) stillHeld(ctx context.Context, tx *sql.Tx, t *try, token string) (held, error) {
	h, err := s.load(ctx, tx, token, t.held.stage)
	h.ceremony, h.ceremonyUntil = t.held.ceremony, t.held.ceremonyUntil
	return h, err
}

func (s *Service) tellRefusal(ctx context.Context, tx *sql.Tx, t *try, no *refusal) error {
	by := By{Actor: nobody(), Client: t.client}
	if t.admin.ID != "" {
		by.Actor = actor(t.admin.Admin)
	}
	e := systemlog.Event{Type: systemlog.AuthViaMFA, Message: "Second factor of an administrator refused", Severity: systemlog.Warn,
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: no.reason}, Detail: map[string]string{"factor": t.step}}
	if t.step == stepPassword || t.step == stepSetUp {
		e.Type, e.Message = systemlog.SessionStart, "Sign-in of an administrator refused"
	}
	if no.reason == reasonCounterBack {
		e.Severity, e.Message = systemlog.Error, "The sign counter of a passkey went back: somebody may have a copy of it"
	}
	return s.tell(ctx, tx, by, t.admin.Admin, append([]systemlog.Event{e}, t.locks(s.now())...)...)
}

// locks are the events of waits that this try has begun.
func (t *try) locks(now time.Time) (events []systemlog.Event) {
	for i, e := range []systemlog.Event{
		{Type: systemlog.ClientLimit, Message: "Too many wrong tries from one address: it must wait"},
		{Type: systemlog.AccountLock, Message: "Too many wrong tries on an administrator's account: it must wait"},
	} {
		if c := t.tries[i]; c.locked() {
			e.Severity = systemlog.Warn
			e.Detail = map[string]string{"misses": strconv.Itoa(c.after.failures), "wait_seconds": fmt.Sprint(int(c.after.until.Sub(now).Round(time.Second) / time.Second))}
			events = append(events, e)
		}
	}
	return events
}
