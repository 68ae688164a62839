package desk

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// ProofFor is how old the proof may be that the person is there, when they have
// a Mac disarmed.
const ProofFor = 5 * time.Minute

// ErrNoProof is a remote disarm without a proof, made just now, that the person
// is there.
var ErrNoProof = errors.New("who disarms a Mac shows in the same moment that it is them, which an API token cannot: " +
	"use the console, or latchkey-server device disarm on the server's machine")

// proven reports whether the person behind ctx has just shown a second factor.
func (k *Desk) proven(ctx context.Context) bool {
	age := k.Now().Sub(originOf(ctx).ProvenAt)
	// Refused by default: who says nothing has shown nothing, and a clock that
	// went back makes no proof a new one.
	return age >= 0 && age < ProofFor
}

// CheckDisarm is the reason for a remote disarm without blanks around. The error
// is an *InvalidError.
func CheckDisarm(reason string) (string, error) { return text("reason", reason, maxReason, true) }

// Disarm has a Mac let people in with the password alone, from its next check-in
// until the time that is returned. It wants a proof that is not older than
// ProofFor; an attempt without is an event. Errors: ErrNoProof, *InvalidError,
// directory.ErrNotFound, directory.ErrState.
func (k *Desk) Disarm(ctx context.Context, id, reason string) (until time.Time, err error) {
	var refused error
	err = k.update(ctx, access.LoginRightDisarm, func(tx *sql.Tx) error {
		if !k.proven(ctx) {
			d, err := directory.DeviceByID(ctx, tx, id)
			if err != nil {
				return err
			}
			refused = ErrNoProof
			return k.event(ctx, tx, systemlog.Event{Type: systemlog.LoginRightDisarm, Severity: systemlog.Warn, Message: "Remote disarm refused", Targets: []systemlog.Target{deviceTarget(d)},
				Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: "NO_PROOF"}})
		}
		until, err = orderDisarm(ctx, tx, id, reason, k.Now(), k.event)
		return err
	})
	return until, errors.Join(err, refused)
}

// EndDisarm ends a remote disarm at the Mac's next check-in. Errors:
// directory.ErrNotFound, directory.ErrState.
func (k *Desk) EndDisarm(ctx context.Context, id string) error {
	return k.update(ctx, access.LoginRightDisarm, func(tx *sql.Tx) error { return endDisarm(ctx, tx, id, k.Now(), k.event) })
}

// Disarmed is the last remote disarm of a Mac. Errors: directory.ErrNotFound.
func (k *Desk) Disarmed(ctx context.Context, id string) (last directory.Disarm, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(ctx, tx, id)
		if err == nil {
			last, err = directory.DisarmOf(ctx, tx, d.ID, k.Now())
		}
		return err
	})
	return last, err
}

// appending writes an event, with who it is of.
type appending func(ctx context.Context, tx *sql.Tx, e systemlog.Event) error

func orderDisarm(ctx context.Context, tx *sql.Tx, id, reason string, now time.Time, log appending) (until time.Time, err error) {
	if reason, err = CheckDisarm(reason); err != nil {
		return until, err
	}
	d, until, err := directory.OrderDisarm(ctx, tx, id, now)
	if err != nil {
		return until, err
	}
	return until, log(ctx, tx, systemlog.Event{Type: systemlog.LoginRightDisarm, Severity: systemlog.Warn, Message: "Remote disarm ordered: the password alone will do", Targets: []systemlog.Target{deviceTarget(d)},
		Detail: map[string]string{"reason": reason, "until": until.UTC().Format(time.RFC3339)}})
}

func endDisarm(ctx context.Context, tx *sql.Tx, id string, now time.Time, log appending) error {
	d, err := directory.EndDisarm(ctx, tx, id, now)
	if err != nil {
		return err
	}
	return log(ctx, tx, systemlog.Event{Type: systemlog.LoginRightDisarmEnd, Severity: systemlog.Warn, Message: "Remote disarm is to end", Targets: []systemlog.Target{deviceTarget(d)}})
}

// Operator is whoever runs commands on the server's machine. They hold its
// database and its key: nobody is asked there what they may do, and what they do
// stands in the log as the server's own.
type Operator struct {
	Log *systemlog.Log
	Now func() time.Time
}

func (o Operator) event(ctx context.Context, tx *sql.Tx, e systemlog.Event) error {
	e.Actor = systemlog.System()
	return o.Log.Append(ctx, tx, e)
}

// Disarm is Desk.Disarm, without the proof.
func (o Operator) Disarm(ctx context.Context, tx *sql.Tx, id, reason string) (until time.Time, err error) {
	return orderDisarm(ctx, tx, id, reason, o.Now(), o.event)
}

// EndDisarm is Desk.EndDisarm.
func (o Operator) EndDisarm(ctx context.Context, tx *sql.Tx, id string) error {
	return endDisarm(ctx, tx, id, o.Now(), o.event)
}
