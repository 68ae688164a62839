package signin

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// endAll ends an administrator's sessions, or those alone that belong to one of
// the provider's.
func (s *Service) endAll(ctx context.Context, tx *sql.Tx, r record, by By, why, sid string) (int, error) {
	only := ""
	if sid != "" {
		only = s.digest(digestProvider, r.Issuer, sid)
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE admin_id = $1 AND ($2 = '' OR provider_session = $2)`, r.ID, only)
	if err != nil {
		return 0, fmt.Errorf("end the sessions of administrator %q: %w", r.Login, err)
	}
	n, err := done.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	return int(n), s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.SessionEnd, Message: "Sessions of an administrator ended by the sign-in provider", Severity: systemlog.Warn,
		Detail: map[string]string{"sessions": strconv.FormatInt(n, 10), "why": why}})
}

// providerSession is what a session keeps of the provider's.
func (s *Service) providerSession(ctx context.Context, tx *sql.Tx, session string) (SignedOut, error) {
	var sealed string
	if err := tx.QueryRowContext(ctx, `SELECT id_token FROM admin_sessions WHERE id = $1`, session).Scan(&sealed); err != nil {
		return SignedOut{}, fmt.Errorf("read session %s: %w", session, err)
	}
	if sealed == "" {
		return SignedOut{Federated: true}, nil
	}
	token, err := s.vault.Open(vault.ForSingleSignOn, sealed, "session", session)
	if err != nil {
		return SignedOut{}, fmt.Errorf("open the ID token of session %s: %w", session, err)
	}
	return SignedOut{Federated: true, IDToken: Secret{string(token)}}, nil
}

// EndFederated ends what the provider says is over: the sessions of a person
// there, or those that belong to one of the provider's. Whose there are none is
// no error. The error is the database's.
func (s *Service) EndFederated(ctx context.Context, over federation.Ended, client systemlog.Client) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		people, err := s.ofProvider(ctx, tx, over)
		if err != nil {
			return err
		}
		for _, id := range people {
			r, err := adminByID(ctx, tx, id)
			if err != nil {
				return err
			}
			if _, err := s.endAll(ctx, tx, r, By{Actor: actor(r.Admin), Client: client}, "signed out at the sign-in provider", over.SessionID); err != nil {
				return err
			}
		}
		return nil
	})
}

// ofProvider are the ids of those whom the provider's word is about.
func (s *Service) ofProvider(ctx context.Context, tx *sql.Tx, over federation.Ended) ([]string, error) {
	if over.Issuer == "" || over.Subject == "" && over.SessionID == "" {
		return nil, nil // nobody's word, or about nobody: never local accounts, nor all
	}
	sid := ""
	if over.SessionID != "" {
		sid = s.digest(digestProvider, over.Issuer, over.SessionID)
	}
	one := func(row store.Scanner) (id string, err error) { err = row.Scan(&id); return id, err }
	found, err := store.All(ctx, tx, one, `SELECT DISTINCT a.id FROM admins a JOIN admin_sessions s ON s.admin_id = a.id
		WHERE a.issuer = $1 AND ($2 = '' OR a.subject = $2) AND ($3 = '' OR s.provider_session = $3) ORDER BY a.id`, over.Issuer, over.Subject, sid)
	if err != nil {
		return nil, fmt.Errorf("look whose session the provider has ended: %w", err)
	}
	return found, nil
}
