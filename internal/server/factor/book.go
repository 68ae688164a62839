package factor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// What a caller of this package decides on.
var (
	// ErrRefused is a wrong code or password, or a user who is not there, has no
	// such factor, or may not sign in. Which of these is not said.
	ErrRefused = errors.New("the login or the code is not right")
	// ErrNotACode is what cannot be a code by its form. It is no try.
	ErrNotACode = errors.New("a code has six digits")
	// ErrNoFactor is a user who is not there, may not sign in, has no factor of
	// the kind asked for, or may not be sent pushes.
	ErrNoFactor = errors.New("there is no factor that can be used")
	// ErrExpired is a code or token that is unknown, too old, used, or of another
	// client or Mac.
	ErrExpired  = errors.New("the code or token is not good any more")
	ErrPending  = errors.New("the push is not answered yet")
	ErrSlowDown = errors.New("the answer is asked for too often")
	ErrDenied   = errors.New("the push was refused")

	ErrNotFound = directory.ErrNotFound
	ErrState    = directory.ErrState // of a factor or a push
	// ErrNumber is a number to match that is missing, or not two digits; the push
	// still waits. ErrWrongNumber is one that did not match; the push is refused.
	ErrNumber      = errors.New("type the two digits that the Mac shows")
	ErrWrongNumber = errors.New("that is not the number that the Mac shows: the push is refused")
	ErrTooMany     = errors.New("there are as many factors as there may be")
	ErrKind        = errors.New("want push, for a phone, or webauthn, for a security key")
	// ErrEnrolled is an authenticator that is set up already.
	ErrEnrolled = errors.New("this authenticator is set up already")
	ErrName     = errors.New("a name has 1 to 64 printable characters")
)

// WaitError is a request that came too early. Nothing was compared or sent.
type WaitError struct{ Wait time.Duration }

// Error names the wait in whole seconds.
func (e *WaitError) Error() string { return fmt.Sprintf("wait %d seconds", seconds(e.Wait)) }

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Book is the record of factors. All fields but Party and Sent are needed.
type Book struct {
	DB     Database
	Vault  *vault.Vault
	Log    Journal
	Hasher *password.Hasher
	Now    func() time.Time
	// Party is the server as phones' passkeys and security keys know it; with
	// nil there are none.
	Party *credential.Party
	// Sent, where it is not nil, hears of each push once it is stored. It must
	// not block.
	Sent func(userID string)
}

// Asker is the Mac and the client that ask for a user.
type Asker struct {
	ClientID string
	Device   directory.Device
	From     systemlog.Client
}

// Subject is whom a request is about: a user, or a name that is nobody's.
type Subject struct {
	User directory.User // the zero one of nobody
	Key  string         // names them among those who try; a digest
}

// Subject is whom a login hint means: the whole login, or the local part of
// exactly one. Nobody is no error: who asks must not learn of it.
func (b *Book) Subject(ctx context.Context, hint string) (s Subject, err error) {
	err = b.DB.View(ctx, func(tx *sql.Tx) error {
		u, err := directory.UserByHint(ctx, tx, hint)
		if errors.Is(err, ErrNotFound) {
			s = Subject{Key: b.digest("nobody", store.Fold(hint))}
			return nil
		}
		s = b.subjectOf(u)
		return err
	})
	return s, err
}

func (b *Book) subjectOf(u directory.User) Subject {
	return Subject{User: u, Key: b.digest("user", u.ID)}
}

// active reads the user again, who may have changed meanwhile; false is nobody
// who may sign in.
func (b *Book) active(ctx context.Context, tx *sql.Tx, s Subject) (directory.User, bool, error) {
	if s.User.ID == "" {
		return directory.User{}, false, nil
	}
	u, err := directory.FindUser(ctx, tx, s.User.ID)
	return u, err == nil && u.Status == directory.Active, err
}

// digest is how what is random is stored. Its key makes that who can write to
// the database alone can plant none.
func (b *Book) digest(kind string, fields ...string) string {
	return b.Vault.Digest(vault.ForFactorDigests, append([]string{kind}, fields...)...)
}
