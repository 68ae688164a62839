package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// stepProvider is a sign-in at the org's OpenID provider, as the events say it.
const stepProvider = "oidc"

// Federated reports whether the org's OpenID provider signs them in. They have
// no password and no second factor here, and their role is the provider's to say.
func (a Admin) Federated() bool { return a.Issuer != "" }

// theirs refuses what only a local account has.
func (r record) theirs(what string) error {
	if r.Federated() {
		return fmt.Errorf("%s of administrator %q: %w", what, r.Login, ErrFederated)
	}
	return nil
}

// FederatedWait is a *ThrottledError while an address has to wait after answers
// of the provider that were refused. Local sign-ins wait by themselves: the way
// in beside the provider must stay open when the provider's is broken.
func (s *Service) FederatedWait(ctx context.Context, client systemlog.Client) error {
	return s.db.View(ctx, func(tx *sql.Tx) error {
		now := s.now()
		c, err := loadCounter(ctx, tx, s.federatedKey(client), now)
		if wait := c.until.Sub(now); err == nil && wait > 0 {
			return &ThrottledError{Wait: wait}
		}
		return err
	})
}

func (s *Service) federatedKey(client systemlog.Client) string {
	return s.digest(digestClient, "provider", place(client.IPAddress))
}

// Federated signs in who the provider says it is: the account is made when they
// come for the first time, and has their role from then on. Errors:
// *federation.Refusal, which is told to the log already, or the database's.
func (s *Service) Federated(ctx context.Context, who federation.Identity, client systemlog.Client) (Session, error) {
	var x Session
	err := s.federated(ctx, who, client, func(tx *sql.Tx, r record) (err error) {
		if _, err := tx.ExecContext(ctx, `UPDATE admins SET signed_in_at = $2 WHERE id = $1`, r.ID, store.Micros(s.now())); err != nil {
			return fmt.Errorf("note the sign-in of administrator %q: %w", r.Login, err)
		}
		if x, err = s.start(ctx, tx, r.Admin, full, client); err != nil {
			return err
		}
		if x.AuthenticatedAt, err = s.keepProvider(ctx, tx, x.ID, who); err != nil {
			return err
		}
		return s.tell(ctx, tx, x.By(), r.Admin, shown(who),
			systemlog.Event{Type: systemlog.SessionStart, Message: "Administrator signed in", Detail: map[string]string{"session": x.ID, "factor": stepProvider}})
	})
	if err != nil {
		return Session{}, err
	}
	return x, nil
}

// ReauthenticateFederated makes a session fresh again, if it is the one that the
// proof was asked for and the provider names its administrator. Errors: as of
// Federated, and ErrNoSession.
func (s *Service) ReauthenticateFederated(ctx context.Context, token, session string, who federation.Identity, client systemlog.Client) error {
	var h held
	err := s.db.View(ctx, func(tx *sql.Tx) (err error) {
		if h, err = s.load(ctx, tx, token, full); err == nil && h.ID != session {
			err = ErrNoSession
		}
		return err
	})
	if err != nil {
		return err
	}
	if h.Admin.Issuer != who.Issuer || h.Admin.Subject != who.Subject {
		no := federation.Refuse(federation.Another, "At the provider you are somebody else than here. Sign out on both sides, then sign in as the one that you are.")
		return errors.Join(s.FederatedRefused(ctx, who, no, client), no)
	}
	return s.federated(ctx, who, client, func(tx *sql.Tx, r record) error {
		h, err := s.load(ctx, tx, token, full) // ended meanwhile?
		if err != nil {
			return err
		}
		h.Client = client
		if _, err := s.keepProvider(ctx, tx, h.ID, who); err != nil {
			return err
		}
		return s.tell(ctx, tx, h.By(), r.Admin, shown(who))
	})
}

func shown(who federation.Identity) systemlog.Event {
	return systemlog.Event{Type: systemlog.AuthViaSSO, Message: "Administrator authenticated at the sign-in provider",
		Detail: map[string]string{"issuer": who.Issuer, "subject": who.Subject, "group": who.Group, "authenticated_at": who.At.UTC().Format(time.RFC3339)}}
}

// keepProvider notes in a session what the provider said, and when they had
// authenticated there: a sign-in of this morning is no fresh one.
func (s *Service) keepProvider(ctx context.Context, tx *sql.Tx, session string, who federation.Identity) (at time.Time, err error) {
	if at = who.At; at.After(s.now()) {
		at = s.now()
	}
	sealed := ""
	if who.IDToken != "" {
		if sealed, err = s.vault.Seal(vault.ForSingleSignOn, []byte(who.IDToken), "session", session); err != nil {
			return at, fmt.Errorf("seal an ID token: %w", err)
		}
	}
	sid := ""
	if who.SessionID != "" {
		sid = s.digest(digestProvider, who.Issuer, who.SessionID)
	}
	_, err = tx.ExecContext(ctx, `UPDATE admin_sessions SET authenticated_at = $2, seen_at = $3, provider_session = $4, id_token = $5 WHERE id = $1`,
		session, store.Micros(at), store.Micros(s.now()), sid, sealed)
	if err != nil {
		return at, fmt.Errorf("renew session %s: %w", session, err)
	}
	return at, nil
}

// FederatedRefused tells that an answer of the provider's let nobody in, counts
// it for the address, and ends the sessions of who has no role any more. The
// error is the database's.
func (s *Service) FederatedRefused(ctx context.Context, who federation.Identity, no *federation.Refusal, client systemlog.Client) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		by, r, err := s.refusedPerson(ctx, tx, who, client)
		if err != nil {
			return err
		}
		e := systemlog.Event{Type: systemlog.AuthViaSSO, Message: "Sign-in by the provider refused", Severity: systemlog.Warn,
			Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: no.Reason}, Detail: map[string]string{"issuer": who.Issuer, "subject": who.Subject}}
		if no.Reason == federation.Another {
			e.Severity = systemlog.Error
		}
		limit, err := s.countFederated(ctx, tx, client)
		if err != nil {
			return err
		}
		if no.Reason == federation.NoRole && r.ID != "" {
			ended, err := s.endAll(ctx, tx, r, by, "no role at the sign-in provider any more", "")
			if err != nil {
				return err
			}
			e.Detail["sessions_ended"] = strconv.Itoa(ended)
		}
		return s.tell(ctx, tx, by, r.Admin, append([]systemlog.Event{e}, limit...)...)
	})
}

// refusedPerson is who was refused, if they have an account.
func (s *Service) refusedPerson(ctx context.Context, tx *sql.Tx, who federation.Identity, client systemlog.Client) (By, record, error) {
	by := By{Actor: nobody(), Client: client}
	if who.Subject == "" {
		return by, record{}, nil
	}
	r, err := adminBySubject(ctx, tx, who)
	if errors.Is(err, ErrNotFound) {
		// The provider vouches for the name, which is no password by a slip.
		by.Actor.ID, by.Actor.AlternateID, by.Actor.DisplayName = "oidc:"+who.Subject, cutText(who.Login, "unknown"), cutText(who.Name, "unknown")
		return by, record{}, nil
	}
	if err == nil {
		by.Actor = actor(r.Admin)
	}
	return by, r, err
}

func cutText(text, none string) string {
	if !sound(text) {
		return none
	}
	return text
}

// countFederated counts a refused answer for the address it came from.
func (s *Service) countFederated(ctx context.Context, tx *sql.Tx, client systemlog.Client) ([]systemlog.Event, error) {
	now := s.now()
	if err := s.forget(ctx, tx, now); err != nil {
		return nil, err
	}
	before, err := loadCounter(ctx, tx, s.federatedKey(client), now)
	if err != nil {
		return nil, err
	}
	c := counted{before, oneMoreFrom(before, now)}
	if err := saveCounter(ctx, tx, c.after, now); err != nil || !c.locked() {
		return nil, err
	}
	return []systemlog.Event{{Type: systemlog.ClientLimit, Message: "Too many refused answers of the sign-in provider from one address: it must wait", Severity: systemlog.Warn,
		Detail: map[string]string{"misses": strconv.Itoa(c.after.failures), "wait_seconds": strconv.Itoa(int(ClientWindow / time.Second))}}}, nil
}
