package factor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// ErrNoVisit is a browser that has opened no invitation, or too long ago, or
// has set up what it was for.
var ErrNoVisit = errors.New("no invitation is open in this browser")

// FindVisit is the visit of a token. The error is ErrNoVisit, or the database's.
func (b *Book) FindVisit(ctx context.Context, tx *sql.Tx, token string) (v Visit, err error) {
	if token == "" {
		return v, ErrNoVisit
	}
	i, err := b.scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE visit_digest = $1`, b.digest("visit", token)))
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNoVisit
	}
	if err != nil {
		return v, fmt.Errorf("read who has opened an invitation: %w", err)
	}
	if i.State != InvitationUsed || !b.Now().Before(i.visitUntil) {
		return v, ErrNoVisit
	}
	u, err := directory.FindUser(ctx, tx, i.userID)
	if err == nil && u.Status != directory.Active {
		err = ErrNoVisit
	}
	return Visit{User: u, Kind: i.Kind, Until: i.visitUntil, held: i}, err
}

// BeginEnrol is what the browser of a visit is to be given
// (navigator.credentials.create), as JSON; it takes the place of what it was
// given before. Errors: ErrNoVisit, ErrTooMany, credential.ErrNoParty, or the
// database's.
func (b *Book) BeginEnrol(ctx context.Context, token string) (options []byte, err error) {
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		v, err := b.FindVisit(ctx, tx, token)
		if err != nil {
			return err
		}
		h, err := b.enrolled(ctx, tx, v.User)
		if err != nil {
			return err
		}
		var kept credential.Ceremony
		if options, kept, err = b.beginKind(ctx, tx, v.Kind, h); err != nil {
			return err
		}
		sealed, err := b.Vault.Seal(vault.ForFactors, kept, "enrol", v.held.ID)
		if err != nil {
			return fmt.Errorf("seal a challenge: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE invitations SET ceremony = $2 WHERE id = $1`, v.held.ID, sealed); err != nil {
			return fmt.Errorf("store a challenge: %w", err)
		}
		return nil
	})
	return options, err
}

func (b *Book) beginKind(ctx context.Context, tx *sql.Tx, kind string, h credential.Holder) ([]byte, credential.Ceremony, error) {
	if kind == KindPush {
		return b.Party.BeginPhone(h)
	}
	settings, err := directory.AuthenticatorSettings(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	return b.Party.BeginKey(h, settings.KeyVerification)
}

// enrolled is a user with all their credentials, also the suspended ones, so
// that no authenticator is set up twice. The error is ErrTooMany where there is
// no room for another factor.
func (b *Book) enrolled(ctx context.Context, tx *sql.Tx, u directory.User) (credential.Holder, error) {
	all, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return credential.Holder{}, err
	}
	if len(all) >= maxFactors {
		return credential.Holder{}, fmt.Errorf("user %q has %d: %w", u.Login, len(all), ErrTooMany)
	}
	h := holder(u)
	for _, f := range all {
		if f.credential == "" {
			continue
		}
		c, err := b.openCredential(u.ID, f)
		if err != nil {
			return h, err
		}
		h.Has = append(h.Has, c)
	}
	return h, nil
}

// FinishEnrol sets up what the invitation was for, under a name. phone is the
// token that a phone's browser is known by from now on; "" of a security key.
// Errors: ErrNoVisit, ErrName, ErrTooMany, ErrEnrolled, those of
// credential.Party.Create, or the database's.
func (b *Book) FinishEnrol(ctx context.Context, token, name string, response []byte, by By) (f Factor, phone string, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		v, err := b.FindVisit(ctx, tx, token)
		if err != nil {
			return err
		}
		by.Actor = userActor(v.User)
		made, err := b.made(ctx, tx, v, response)
		if err == nil {
			f, phone, err = b.enrol(ctx, tx, v, made, name, by)
		}
		if reason := reasonOf(err); err != nil && (reason != reasonWrong || errors.Is(err, credential.ErrWrong)) {
			no = err
			return b.tellChange(ctx, tx, v.User, by, systemlog.Event{Type: systemlog.FactorNotTaken, Severity: systemlog.Warn, Message: "An authenticator was not taken",
				Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reason}, Detail: v.held.detail()})
		}
		return err
	})
	if err = errors.Join(err, no); err != nil {
		return Factor{}, "", err
	}
	return f, phone, nil
}

// made is the credential that a browser has answered with.
func (b *Book) made(ctx context.Context, tx *sql.Tx, v Visit, response []byte) (credential.Credential, error) {
	if v.held.ceremony == "" {
		return credential.Credential{}, credential.ErrWrong
	}
	kept, err := b.Vault.Open(vault.ForFactors, v.held.ceremony, "enrol", v.held.ID)
	if err != nil {
		return credential.Credential{}, fmt.Errorf("open a challenge: %w", err)
	}
	// It is good for one answer.
	if _, err := tx.ExecContext(ctx, `UPDATE invitations SET ceremony = '' WHERE id = $1`, v.held.ID); err != nil {
		return credential.Credential{}, fmt.Errorf("void a challenge: %w", err)
	}
	return b.Party.Create(holder(v.User), kept, response)
}

func (b *Book) enrol(ctx context.Context, tx *sql.Tx, v Visit, made credential.Credential, name string, by By) (f Factor, phone string, err error) {
	h := held{Factor: Factor{ID: store.NewID("ufa"), Kind: v.Kind, Name: name, Confirmed: true, Passkey: true}, credential: encoded(made.ID())}
	var there int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM user_factors WHERE credential = $1`, h.credential).Scan(&there); err != nil {
		return f, "", fmt.Errorf("look for a credential: %w", err)
	}
	if there > 0 {
		return f, "", ErrEnrolled
	}
	if h.sealed, err = b.sealCredential(v.User.ID, h.ID, h.Kind, made); err != nil {
		return f, "", err
	}
	if f, err = b.add(ctx, tx, v.User, h); err != nil {
		return f, "", err
	}
	if v.Kind == KindPush {
		phone = rand.Text()
		_, err = tx.ExecContext(ctx, `INSERT INTO phones (factor_id, user_id, digest, ceremony, unlock_digest, subscription) VALUES ($1, $2, $3, '', '', '')`, f.ID, v.User.ID, b.digest("phone", phone))
		if err != nil {
			return f, "", fmt.Errorf("store a phone of user %q: %w", v.User.Login, err)
		}
	}
	if err := b.saveInvitation(ctx, tx, v.held, InvitationDone); err != nil {
		return f, "", err
	}
	return f, phone, b.tellFactor(ctx, tx, v.User, by, systemlog.FactorActivate, "A user's factor was set up", f, "invitation "+v.held.ID)
}

// TellDuplicate records that the browser says of an authenticator that it is set
// up already: it answers nothing else then. The error is ErrNoVisit, or the
// database's.
func (b *Book) TellDuplicate(ctx context.Context, token string, by By) error {
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		v, err := b.FindVisit(ctx, tx, token)
		if err != nil {
			return err
		}
		by.Actor = userActor(v.User)
		return b.tellChange(ctx, tx, v.User, by, systemlog.Event{Type: systemlog.FactorNotTaken, Severity: systemlog.Warn, Message: "An authenticator was not taken",
			Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reasonOf(ErrEnrolled)}, Detail: v.held.detail()})
	})
}
