package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Session is a signed-in administrator.
type Session struct {
	Token           Secret // only of a new one
	ID              string
	Admin           Admin
	CreatedAt       time.Time
	AuthenticatedAt time.Time // when a second factor was last shown
	SeenAt          time.Time // of the last request, to the minute
	EndsAt          time.Time // at the latest
	Client          systemlog.Client
}

// Caller is the administrator for package access.
func (x Session) Caller() access.Caller {
	return access.Caller{TokenID: x.Admin.ID, Name: "console", Login: x.Admin.Login, Role: x.Admin.Role, Grant: x.Admin.Grant}
}

// By is the administrator as the one who does something.
func (x Session) By() By { return By{Actor: actor(x.Admin), Client: x.Client} }

// stage is how far a session has come.
type stage string

const (
	settingUp stage = "SET_UP" // the set-up code was shown
	half      stage = "HALF"   // the password was right
	full      stage = "FULL"   // the second factor was, too
)

// life is how long a session of that stage is good at most.
func (g stage) life() time.Duration {
	switch g {
	case settingUp:
		return SetUpLife
	case half:
		return HalfLife
	}
	return Life
}

// keep is how many sessions of that stage an administrator has at most; a
// further one ends the one that was seen longest ago.
func (g stage) keep() int {
	switch g {
	case settingUp:
		return 1
	case half:
		return 5
	}
	return 20
}

// held is a session as it is stored, with its administrator.
type held struct {
	Session
	stage         stage
	admin         record
	ceremony      string
	ceremonyUntil time.Time
}

const sessionColumns = `s.id, s.admin_id, s.digest, s.stage, s.ceremony, s.ceremony_until, s.address, s.user_agent, s.created_at, s.seen_at, s.authenticated_at, s.ends_at`

func scanSession(s store.Scanner) (h held, digest string, err error) {
	var ceremony, created, seen, authenticated, ends sql.NullInt64
	err = s.Scan(&h.ID, &h.Admin.ID, &digest, &h.stage, &h.ceremony, &ceremony, &h.Client.IPAddress, &h.Client.UserAgent, &created, &seen, &authenticated, &ends)
	h.ceremonyUntil, h.CreatedAt, h.SeenAt, h.AuthenticatedAt, h.EndsAt = store.Time(ceremony), store.Time(created), store.Time(seen), store.Time(authenticated), store.Time(ends)
	return h, digest, err
}

// over: nobody can use it any more.
func (h held) over(now time.Time) bool {
	return !now.Before(h.EndsAt) || h.stage == full && now.Sub(h.SeenAt) >= Idle
}

// fits: the account is in a state in which a session of that stage is good.
func (h held) fits() bool {
	if h.stage == settingUp {
		return h.admin.Status == Invited
	}
	return h.admin.Status == Active
}

// load is the session of a token in one of the stages. The error is
// ErrNoSession, or the database's.
func (s *Service) load(ctx context.Context, tx *sql.Tx, token string, stages ...stage) (held, error) {
	id, secret, ok := split(token)
	if !ok {
		return held{}, ErrNoSession
	}
	h, digest, err := scanSession(tx.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM admin_sessions s WHERE s.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return held{}, ErrNoSession
	}
	if err != nil {
		return held{}, fmt.Errorf("read a session: %w", err)
	}
	if !same(s.digest(digestSession, id, h.Admin.ID, string(h.stage), secret), digest) || !slices.Contains(stages, h.stage) || h.over(s.now()) {
		return held{}, ErrNoSession
	}
	if h.admin, err = adminByID(ctx, tx, h.Admin.ID); err != nil {
		return held{}, err
	}
	h.Admin = h.admin.Admin
	if !h.fits() || h.Admin.Federated() && h.Admin.Issuer != s.issuer {
		return held{}, ErrNoSession // also once the provider is not the org's any more
	}
	return h, nil
}

// start makes a session, in the place of those that are over or too many.
func (s *Service) start(ctx context.Context, tx *sql.Tx, a Admin, g stage, client systemlog.Client) (Session, error) {
	now := s.now()
	id, secret, token := newToken()
	x := Session{Token: token, ID: id, Admin: a, CreatedAt: now, AuthenticatedAt: now, SeenAt: now, EndsAt: now.Add(g.life()), Client: short(client)}
	_, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE ends_at <= $1 OR (stage = $2 AND seen_at <= $3)`,
		store.Micros(now), string(full), store.Micros(now.Add(-Idle)))
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE admin_id = $1 AND stage = $2 AND id NOT IN (
			SELECT id FROM admin_sessions WHERE admin_id = $1 AND stage = $2 ORDER BY seen_at DESC, id LIMIT $3)`, a.ID, string(g), g.keep()-1)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO admin_sessions (id, admin_id, digest, stage, ceremony, address, user_agent, created_at, seen_at, authenticated_at, ends_at)
			VALUES ($1, $2, $3, $4, '', $5, $6, $7, $7, $7, $8)`,
			id, a.ID, s.digest(digestSession, id, a.ID, string(g), secret), string(g), x.Client.IPAddress, x.Client.UserAgent, store.Micros(now), store.Micros(x.EndsAt))
	}
	if err != nil {
		return Session{}, fmt.Errorf("start a session of administrator %q: %w", a.Login, err)
	}
	return x, nil
}

// short bounds what a client says of itself.
func short(c systemlog.Client) systemlog.Client {
	cut := func(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
	return systemlog.Client{IPAddress: cut(c.IPAddress, 64), UserAgent: cut(c.UserAgent, 256)}
}

// end removes a session.
func end(ctx context.Context, tx *sql.Tx, admin, id string) error {
	done, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE id = $1 AND admin_id = $2`, id, admin)
	if err != nil {
		return fmt.Errorf("end session %s: %w", id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("session %q: %w", id, ErrNotFound), err)
	}
	return nil
}

// Find is whose session a token is, at each request. The error is ErrNoSession,
// or the database's.
func (s *Service) Find(ctx context.Context, token string) (Session, error) {
	var h held
	err := s.db.View(ctx, func(tx *sql.Tx) (err error) {
		h, err = s.load(ctx, tx, token, full)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	now := s.now()
	if now.Sub(h.SeenAt) < touchEvery {
		return h.Session, nil
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if h, err = s.load(ctx, tx, token, full); err != nil {
			return err // ended since it was read
		}
		h.SeenAt = now
		if _, err := tx.ExecContext(ctx, `UPDATE admin_sessions SET seen_at = $2 WHERE id = $1`, h.ID, store.Micros(now)); err != nil {
			return fmt.Errorf("note when session %s was seen: %w", h.ID, err)
		}
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return h.Session, nil
}

// Fresh reports whether the second factor was shown within that time.
func (s *Service) Fresh(x Session, within time.Duration) bool {
	age := s.now().Sub(x.AuthenticatedAt)
	// A clock that went back makes no sign-in fresh.
	return age >= 0 && age < within
}

// SignedOut is what a session was that has ended.
type SignedOut struct {
	Federated bool   // the provider has one, too
	IDToken   Secret // that it gave, for the sign-out there; may be none
}

// SignOut ends the session of a token, whatever its stage. A token that has
// none is no error.
func (s *Service) SignOut(ctx context.Context, token string) (was SignedOut, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		h, err := s.load(ctx, tx, token, settingUp, half, full)
		if errors.Is(err, ErrNoSession) {
			return nil
		}
		if err == nil && h.Admin.Federated() {
			was, err = s.providerSession(ctx, tx, h.ID)
		}
		if err == nil {
			err = end(ctx, tx, h.Admin.ID, h.ID)
		}
		if err != nil || h.stage != full {
			return err
		}
		return s.tell(ctx, tx, h.By(), h.Admin, systemlog.Event{Type: systemlog.SessionEnd, Message: "Administrator signed out", Detail: map[string]string{"session": h.ID}})
	})
	if err != nil {
		return SignedOut{}, err
	}
	return was, nil
}

// Sessions are the open ones of an administrator, the last seen first.
func (s *Service) Sessions(ctx context.Context, tx *sql.Tx, admin string) ([]Session, error) {
	r, err := adminByID(ctx, tx, admin)
	if err != nil {
		return nil, err
	}
	one := func(row store.Scanner) (held, error) { h, _, err := scanSession(row); return h, err }
	found, err := store.All(ctx, tx, one, `SELECT `+sessionColumns+` FROM admin_sessions s WHERE s.admin_id = $1 AND s.stage = $2 ORDER BY s.seen_at DESC, s.id`, admin, string(full))
	if err != nil {
		return nil, fmt.Errorf("list the sessions of administrator %q: %w", r.Login, err)
	}
	out := make([]Session, 0, len(found))
	for _, h := range found {
		if h.Admin = r.Admin; !h.over(s.now()) {
			out = append(out, h.Session)
		}
	}
	return out, nil
}

// Revoke ends a session of an administrator. The error is ErrNotFound, or the
// database's.
func (s *Service) Revoke(ctx context.Context, tx *sql.Tx, admin, session string, by By) error {
	r, err := adminByID(ctx, tx, admin)
	if err != nil {
		return err
	}
	if err := end(ctx, tx, admin, session); err != nil {
		return err
	}
	return s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.SessionEnd, Message: "Session of an administrator revoked", Severity: systemlog.Warn,
		Detail: map[string]string{"session": session}})
}
