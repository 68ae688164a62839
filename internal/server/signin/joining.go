package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// federated runs what a person may do whom the provider has named, in the
// transaction that brings their account up to date. A refusal is told, and
// nothing else of it stays.
func (s *Service) federated(ctx context.Context, who federation.Identity, client systemlog.Client, do func(tx *sql.Tx, r record) error) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := s.account(ctx, tx, who, client)
		if err != nil {
			return err
		}
		return do(tx, r)
	})
	var no *federation.Refusal
	if errors.As(err, &no) {
		return errors.Join(no, s.FederatedRefused(ctx, who, no, client))
	}
	return err
}

// account is the administrator whom the provider names, as it names them now.
func (s *Service) account(ctx context.Context, tx *sql.Tx, who federation.Identity, client systemlog.Client) (record, error) {
	who, err := s.fits(ctx, tx, who)
	if err != nil {
		return record{}, err
	}
	r, err := adminBySubject(ctx, tx, who)
	if errors.Is(err, ErrNotFound) {
		return s.join(ctx, tx, who, client)
	}
	if err != nil {
		return record{}, err
	}
	if r.Status != Active {
		return record{}, federation.Refuse(federation.NotActive, "Your account here is suspended. A super admin can end that.")
	}
	return s.follow(ctx, tx, r, who, client)
}

func adminBySubject(ctx context.Context, tx *sql.Tx, who federation.Identity) (record, error) {
	return oneAdmin(ctx, tx, who.Subject, `a.issuer = $1 AND a.subject = $2 AND a.issuer <> ''`, who.Issuer, who.Subject)
}

// fits holds what the provider says against what there is here. The error is a
// *federation.Refusal, or the database's.
func (s *Service) fits(ctx context.Context, tx *sql.Tx, who federation.Identity) (federation.Identity, error) {
	who.Login, who.Name = strings.TrimSpace(who.Login), strings.TrimSpace(who.Name)
	if !sound(who.Name) {
		who.Name = who.Login // a name is for show
	}
	if err := (NewAdmin{Login: who.Login, Name: who.Name}).check(); err != nil {
		return who, federation.Refuse(federation.BadClaims, "The provider names you in a way that cannot be a login here: 1 to 128 characters without spaces are wanted.")
	}
	role, err := access.NamedRole(ctx, tx, string(who.Role))
	if errors.Is(err, access.ErrValue) {
		return who, federation.Refuse(federation.RoleGone, fmt.Sprintf("Your group has the role %s, which is not there any more. Those who run this server have to change --sso-role, or make the role.", who.Role))
	}
	who.Role = role
	return who, err
}

// join makes the account of who comes for the first time. A local account of
// that name is somebody's, who need not be the same.
func (s *Service) join(ctx context.Context, tx *sql.Tx, who federation.Identity, client systemlog.Client) (record, error) {
	if err := s.freeLogin(ctx, tx, who, ""); err != nil {
		return record{}, err
	}
	now := s.now()
	a := Admin{ID: store.NewID("adm"), Login: who.Login, Name: who.Name, Role: who.Role, Status: Active, CreatedAt: now, Issuer: who.Issuer, Subject: who.Subject}
	_, err := tx.ExecContext(ctx, `INSERT INTO admins (id, login, login_key, name, role, status, set_up_digest, password, totp, totp_pending, totp_step, created_at, issuer, subject)
		VALUES ($1, $2, $3, $4, $5, $6, '', '', '', '', 0, $7, $8, $9)`,
		a.ID, a.Login, store.Fold(a.Login), a.Name, string(a.Role), string(a.Status), store.Micros(now), a.Issuer, a.Subject)
	if err != nil {
		return record{}, fmt.Errorf("store administrator %q: %w", a.Login, err)
	}
	if err := s.scope(ctx, tx, a.ID, who); err != nil {
		return record{}, err
	}
	r, err := adminByID(ctx, tx, a.ID)
	if err != nil {
		return record{}, err
	}
	return r, s.tell(ctx, tx, By{Actor: actor(a), Client: client}, r.Admin,
		systemlog.Event{Type: systemlog.UserCreate, Message: "Administrator came from the sign-in provider for the first time", Severity: systemlog.Warn,
			Detail: map[string]string{"issuer": who.Issuer, "subject": who.Subject}},
		systemlog.Event{Type: systemlog.PrivilegeGrant, Message: "Administrator role granted", Severity: systemlog.Warn, Detail: grants(who, r.Grant.Groups)})
}

func grants(who federation.Identity, groups []string) map[string]string {
	detail := map[string]string{"role": string(who.Role), "group": who.Group}
	if len(groups) > 0 {
		detail["groups"] = strings.Join(groups, ", ")
	}
	return detail
}

// follow gives an account the name, role and scope that the provider says now.
func (s *Service) follow(ctx context.Context, tx *sql.Tx, r record, who federation.Identity, client systemlog.Client) (record, error) {
	if err := s.freeLogin(ctx, tx, who, r.ID); err != nil {
		return record{}, err
	}
	_, err := tx.ExecContext(ctx, `UPDATE admins SET login = $2, login_key = $3, name = $4, role = $5 WHERE id = $1`, r.ID, who.Login, store.Fold(who.Login), who.Name, string(who.Role))
	if err != nil {
		return record{}, fmt.Errorf("change administrator %q: %w", r.Login, err)
	}
	if err := s.scope(ctx, tx, r.ID, who); err != nil {
		return record{}, err
	}
	after, err := adminByID(ctx, tx, r.ID)
	if err != nil {
		return record{}, err
	}
	var events []systemlog.Event
	if r.Login != after.Login || r.Name != after.Name {
		events = append(events, systemlog.Event{Type: systemlog.ProfileUpdate, Message: "Administrator's name changed at the sign-in provider",
			Detail: map[string]string{"login": r.Login + " -> " + after.Login, "name": r.Name + " -> " + after.Name}})
	}
	if r.Role != after.Role || !slices.Equal(r.Grant.Groups, after.Grant.Groups) {
		detail := grants(who, after.Grant.Groups)
		detail["role"] = fmt.Sprintf("%s -> %s", r.Role, after.Role)
		events = append(events, systemlog.Event{Type: systemlog.PrivilegeGrant, Message: "Administrator role changed by the sign-in provider", Severity: systemlog.Warn, Detail: detail})
	}
	return after, s.tell(ctx, tx, By{Actor: actor(after.Admin), Client: client}, after.Admin, events...)
}

// scope limits an account as the mapping says. A group of users that is not
// there must not become the whole org.
func (s *Service) scope(ctx context.Context, tx *sql.Tx, id string, who federation.Identity) error {
	err := access.SetScope(ctx, tx, id, who.Role, who.Scope)
	if errors.Is(err, access.ErrValue) {
		return federation.Refuse(federation.RoleGone, fmt.Sprintf("Your role is for the users in %s, and not all of these groups are there. Those who run this server have to change --sso-role, or make the group.", strings.Join(who.Scope, ", ")))
	}
	return err
}

// freeLogin refuses a login that is another account's. One that the provider has
// given on is free once who had it before is suspended here.
func (s *Service) freeLogin(ctx context.Context, tx *sql.Tx, who federation.Identity, mine string) error {
	r, err := adminByLogin(ctx, tx, who.Login)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && r.ID == mine:
		return nil
	case err != nil:
		return err
	case !r.Federated():
		return federation.Refuse(federation.LoginTaken, "There is a local account with your login, and single sign-on takes over none. Sign in with its password, or have a super admin make it one with another login.")
	case r.Issuer != who.Issuer || r.Status != Suspended:
		return federation.Refuse(federation.LoginTaken, "Your login belongs to another person of the provider's. If it was given on to you, a super admin has to suspend the account that had it.")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET login = id, login_key = id WHERE id = $1`, r.ID); err != nil {
		return fmt.Errorf("free the login %q: %w", r.Login, err)
	}
	return s.tell(ctx, tx, By{Actor: systemlog.System()}, r.Admin, systemlog.Event{Type: systemlog.ProfileUpdate, Severity: systemlog.Warn,
		Message: "Login of a suspended administrator given to another person by the sign-in provider", Detail: map[string]string{"login": r.Login + " -> " + r.ID}})
}
