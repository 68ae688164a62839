package desk

import (
	"context"
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// ListChallenges are the SCEP challenges, the newest first, without their texts.
func (k *Desk) ListChallenges(ctx context.Context) (found []pki.Challenge, err error) {
	err = k.view(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		found, err = k.Challenges.List(ctx, tx)
		return err
	})
	return found, err
}

// CreateChallenge makes a SCEP challenge of the kind pki.Dynamic or pki.Static
// and returns its text, which is not kept. Errors: *InvalidError.
func (k *Desk) CreateChallenge(ctx context.Context, kind, serial string) (made pki.Challenge, secret string, err error) {
	err = k.update(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		serial, err := text("serialNumber", serial, maxName, false)
		if err != nil {
			return err
		}
		if kind != pki.Dynamic && kind != pki.Static {
			return invalid("kind", "%q, want %q or %q", kind, pki.Dynamic, pki.Static)
		}
		if kind == pki.Static && serial != "" {
			return invalid("serialNumber", "a static challenge serves a fleet and names none")
		}
		if made, secret, err = k.Challenges.Create(ctx, tx, kind, serial, access.CallerOf(ctx).Login, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ChallengeCreate, Message: "SCEP challenge created", Detail: map[string]string{"kind": kind},
			Targets: []systemlog.Target{{ID: made.ID, Type: "Challenge", AlternateID: serial}}})
	})
	return made, secret, err
}

// RevokeChallenge ends a SCEP challenge. Certificates that it brought stay.
// Errors: pki.ErrUnknownChallenge.
func (k *Desk) RevokeChallenge(ctx context.Context, id string) error {
	return k.update(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		if err := k.Challenges.Revoke(ctx, tx, id, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ChallengeRevoke, Message: "SCEP challenge revoked", Targets: []systemlog.Target{{ID: id, Type: "Challenge"}}})
	})
}
