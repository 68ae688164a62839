package factor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Times and bounds of an invitation.
const (
	InvitationLife = 24 * time.Hour   // of the code
	VisitLife      = 15 * time.Minute // from the opening to the end of the set-up
	MaxInvitations = 5                // of a user that are open
	keepInvitation = 30 * 24 * time.Hour
	maxCode        = 64 // characters of what is typed or scanned
)

// InvitationState is where an invitation is in its life.
type InvitationState string

// The states. InvitationExpired is not stored.
const (
	InvitationOpen    InvitationState = "OPEN"
	InvitationUsed    InvitationState = "USED" // opened; the set-up is under way, or was given up
	InvitationDone    InvitationState = "DONE" // something was set up with it
	InvitationRevoked InvitationState = "REVOKED"
	InvitationExpired InvitationState = "EXPIRED"
)

// InvitationError is a code that opens nothing. An empty state is a code that is
// nobody's.
type InvitationError struct{ State InvitationState }

// Error says what the code is.
func (e *InvitationError) Error() string {
	switch e.State {
	case InvitationUsed, InvitationDone:
		return "the invitation was used before: it is good once"
	case InvitationRevoked:
		return "the invitation was taken back"
	case InvitationExpired:
		return "the invitation is older than a day"
	}
	return "there is no such invitation"
}

// Invitation lets one person set up one thing, once.
type Invitation struct {
	ID        string
	Kind      string // KindPush or KindKey
	State     InvitationState
	MadeBy    string
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero is not yet
}

// invitation is a stored one.
type invitation struct {
	Invitation
	userID     string
	ceremony   string
	visitUntil time.Time
}

const invitationColumns = `id, kind, state, made_by, created_at, expires_at, used_at, user_id, ceremony, visit_until`

func (b *Book) scanInvitation(s store.Scanner) (i invitation, err error) {
	var created, expires, used, visit sql.NullInt64
	err = s.Scan(&i.ID, &i.Kind, &i.State, &i.MadeBy, &created, &expires, &used, &i.userID, &i.ceremony, &visit)
	i.CreatedAt, i.ExpiresAt, i.UsedAt, i.visitUntil = store.Time(created), store.Time(expires), store.Time(used), store.Time(visit)
	if i.State == InvitationOpen && !b.Now().Before(i.ExpiresAt) {
		i.State = InvitationExpired
	}
	return i, err
}

// Invite makes a code with which somebody can set up a phone (KindPush) or a
// security key (KindKey) as the user: give it to them alone. Errors: ErrKind,
// ErrState for who may not sign in, ErrTooMany, credential.ErrNoParty, or the
// database's.
func (b *Book) Invite(ctx context.Context, tx *sql.Tx, u directory.User, kind string, by By) (i Invitation, code string, err error) {
	if u.Status != directory.Active {
		return i, "", fmt.Errorf("user %q is %s: %w", u.Login, u.Status, ErrState)
	}
	if kind != KindPush && kind != KindKey {
		return i, "", ErrKind
	}
	if b.Party == nil {
		return i, "", credential.ErrNoParty
	}
	all, err := b.Invitations(ctx, tx, u.ID)
	if err != nil {
		return i, "", err
	}
	open := 0
	for _, other := range all {
		if other.State == InvitationOpen {
			open++
		}
	}
	if open >= MaxInvitations {
		return i, "", fmt.Errorf("user %q has %d invitations: revoke one: %w", u.Login, open, ErrTooMany)
	}
	code = rand.Text()
	i = Invitation{ID: store.NewID("inv"), Kind: kind, State: InvitationOpen, MadeBy: by.Actor.AlternateID, CreatedAt: b.Now(), ExpiresAt: b.Now().Add(InvitationLife)}
	_, err = tx.ExecContext(ctx, `INSERT INTO invitations (id, code_digest, user_id, kind, state, made_by, created_at, expires_at, visit_digest, ceremony) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '')`,
		i.ID, b.digest("invitation", code), u.ID, kind, string(i.State), i.MadeBy, store.Micros(i.CreatedAt), store.Micros(i.ExpiresAt))
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM invitations WHERE created_at < $1`, store.Micros(b.Now().Add(-keepInvitation)))
	}
	if err != nil {
		return i, "", fmt.Errorf("store an invitation of user %q: %w", u.Login, err)
	}
	return i, code, b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.InvitationCreate, Severity: systemlog.Warn, Message: "A user was invited to set up an authenticator", Detail: i.detail()})
}

// InvitationURL is the link of a code, below the server's public URL. The code
// stands behind the #, which browsers send to nobody: it is in no log of a proxy
// and in no Referer.
func InvitationURL(publicURL, code string) string { return publicURL + "/authenticator/#" + code }

func (i Invitation) detail() map[string]string {
	return map[string]string{"invitation": i.ID, "factor": i.Kind}
}

// Invitations are those of a user of the last month, the newest first.
func (b *Book) Invitations(ctx context.Context, tx *sql.Tx, userID string) ([]Invitation, error) {
	found, err := store.All(ctx, tx, b.scanInvitation, `SELECT `+invitationColumns+` FROM invitations WHERE user_id = $1 ORDER BY created_at DESC, id`, userID)
	if err != nil {
		return nil, fmt.Errorf("list the invitations of user %s: %w", userID, err)
	}
	out := make([]Invitation, 0, len(found))
	for _, i := range found {
		out = append(out, i.Invitation)
	}
	return out, nil
}

// RevokeInvitation takes one back that nothing was set up with yet. Errors:
// ErrNotFound, ErrState, or the database's.
func (b *Book) RevokeInvitation(ctx context.Context, tx *sql.Tx, u directory.User, id string, by By) error {
	i, err := b.scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE user_id = $1 AND id = $2`, u.ID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("invitation %q of user %q: %w", id, u.Login, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read invitation %q: %w", id, err)
	}
	if i.State == InvitationDone || i.State == InvitationRevoked {
		return fmt.Errorf("invitation %s is %s: %w", id, i.State, ErrState)
	}
	if err := b.saveInvitation(ctx, tx, i, InvitationRevoked); err != nil {
		return err
	}
	return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.InvitationRevoke, Severity: systemlog.Warn, Message: "An invitation was taken back", Detail: i.detail()})
}

// revokeAll takes back what a user could still set up.
func (b *Book) revokeAll(ctx context.Context, tx *sql.Tx, u directory.User, by By) error {
	all, err := b.Invitations(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.State == InvitationOpen || i.State == InvitationUsed {
			if err := b.RevokeInvitation(ctx, tx, u, i.ID, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveInvitation stores a state in which no ceremony waits.
func (b *Book) saveInvitation(ctx context.Context, tx *sql.Tx, i invitation, s InvitationState) error {
	_, err := tx.ExecContext(ctx, `UPDATE invitations SET state = $2, ceremony = '', visit_digest = CASE WHEN $2 = 'USED' THEN visit_digest ELSE '' END WHERE id = $1`, i.ID, string(s))
	if err != nil {
		return fmt.Errorf("store invitation %s: %w", i.ID, err)
	}
	return nil
}

// Visit is a browser that has opened an invitation.
type Visit struct {
	User  directory.User
	Kind  string
	Until time.Time
	held  invitation
}

// OpenInvitation uses a code up. The token is for the browser that showed it,
// which may set up the one thing until the visit's end. Errors: *InvitationError,
// or the database's.
func (b *Book) OpenInvitation(ctx context.Context, code string, by By) (v Visit, token string, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		v, token, no, err = b.openInvitation(ctx, tx, code, by)
		return err
	})
	if err = errors.Join(err, no); err != nil {
		return Visit{}, "", err
	}
	return v, token, nil
}

func (b *Book) openInvitation(ctx context.Context, tx *sql.Tx, code string, by By) (v Visit, token string, no, err error) {
	if len(code) > maxCode {
		code = "" // whatever it is, it is none of ours
	}
	i, err := b.scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE code_digest = $1`, b.digest("invitation", code)))
	if errors.Is(err, sql.ErrNoRows) {
		return v, "", &InvitationError{}, b.notOpened(ctx, tx, directory.User{}, i, by, "UNKNOWN")
	}
	if err != nil {
		return v, "", nil, fmt.Errorf("read an invitation: %w", err)
	}
	u, err := directory.FindUser(ctx, tx, i.userID)
	if err != nil {
		return v, "", nil, err
	}
	if u.Status != directory.Active {
		return v, "", &InvitationError{InvitationRevoked}, b.notOpened(ctx, tx, u, i, by, reasonInactive)
	}
	if i.State != InvitationOpen {
		return v, "", &InvitationError{i.State}, b.notOpened(ctx, tx, u, i, by, string(i.State))
	}
	token, i.visitUntil = rand.Text(), b.Now().Add(VisitLife)
	_, err = tx.ExecContext(ctx, `UPDATE invitations SET state = $2, used_at = $3, visit_digest = $4, visit_until = $5 WHERE id = $1`,
		i.ID, string(InvitationUsed), store.Micros(b.Now()), b.digest("visit", token), store.Micros(i.visitUntil))
	if err != nil {
		return v, "", nil, fmt.Errorf("open invitation %s: %w", i.ID, err)
	}
	by.Actor = userActor(u)
	err = b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.InvitationUse, Severity: systemlog.Warn, Message: "An invitation was opened", Detail: i.detail()})
	return Visit{User: u, Kind: i.Kind, Until: i.visitUntil, held: i}, token, nil, err
}

// notOpened tells of a code that opened nothing. What was typed is not told.
func (b *Book) notOpened(ctx context.Context, tx *sql.Tx, u directory.User, i invitation, by By, reason string) error {
	e := systemlog.Event{Type: systemlog.InvitationUse, Severity: systemlog.Warn, Message: "An invitation was not opened", Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: reason}}
	if u.ID != "" {
		e.Detail = i.detail()
		e.Detail["state"] = string(i.State)
		e.Detail["minutes_old"] = strconv.Itoa(int(b.Now().Sub(i.CreatedAt) / time.Minute))
	}
	by.Actor = userActor(u)
	if u.ID == "" {
		e.Actor, e.Client, e.Request = by.Actor, by.Client, by.Request
		return b.Log.Append(ctx, tx, e)
	}
	return b.tellChange(ctx, tx, u, by, e)
}
