package signin

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// What a caller of this package decides on.
var (
	// ErrRefused is a wrong login, password, code or passkey, or an account
	// that may not sign in. Which of these is not said.
	ErrRefused = errors.New("the login, the password or the code is not right")
	// ErrNoSession is a token that is unknown, malformed, expired, revoked, of
	// another stage, or of an administrator who may not sign in.
	ErrNoSession = errors.New("there is no session: sign in")
	// ErrNotACode is a code that cannot be one by its form. It is no try.
	ErrNotACode = errors.New("an app's code has six digits, a recovery code twelve letters and digits")
	// ErrNotFresh is a sign-in too long ago for what was asked.
	ErrNotFresh = errors.New("the sign-in is too long ago for this: authenticate again")

	ErrNotFound       = errors.New("not found")                         // no such administrator, session or passkey
	ErrExists         = errors.New("exists already")                    // the login is taken
	ErrState          = errors.New("not possible in this state")        // of the account, or of its set-up
	ErrValue          = access.ErrValue                                 // a login, name, role or scope; the text says what is
	ErrLastSuperAdmin = errors.New("the last active super admin stays") // else nobody could make another
	ErrLastFactor     = errors.New("the last second factor stays")      // a password alone opens nothing
	// ErrFederated is a change of what the org's OpenID provider decides.
	ErrFederated = errors.New("this account is the sign-in provider's: password, factors, role and scope are changed there, not here")

	ErrNoPasskeys = errors.New("passkeys need a server with a name") // browsers have none for an address
)

// Times that sessions and codes are good for.
const (
	SetUpCodeLife = 24 * time.Hour   // from the making of the account to the end of its set-up
	SetUpLife     = time.Hour        // of the session that sets up
	HalfLife      = 10 * time.Minute // from the password to the second factor
	Idle          = 30 * time.Minute // without a request, of a session
	Life          = 12 * time.Hour   // of a session at most
	FreshFor      = 15 * time.Minute // after which factors are changed only after another proof
	ceremonyLife  = 5 * time.Minute  // from a passkey's challenge to its answer
	touchEvery    = time.Minute      // how exactly it is known when a session was last seen
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Config is what a Service works with.
type Config struct {
	DB    Database
	Vault *vault.Vault
	Log   Journal
	Now   func() time.Time
	// PublicURL is the https URL that browsers reach the console under. A
	// passkey is bound to its host, and works with no other. Empty: no passkeys.
	PublicURL string
	// Issuer is the OpenID provider whose administrators may be signed in.
	// Empty: those with a local account alone.
	Issuer string
	// Hasher is for passwords. Empty: one of its own.
	Hasher *password.Hasher
}

// Service signs administrators in.
type Service struct {
	db       Database
	vault    *vault.Vault
	log      Journal
	now      func() time.Time
	hasher   *password.Hasher
	passkeys *webauthn.WebAuthn // nil where there can be none
	counters int                // at most; tests have fewer
	issuer   string             // of whom sessions may be
}

// New is a service. The error is a PublicURL that is none.
func New(c Config) (*Service, error) {
	s := &Service{db: c.DB, vault: c.Vault, log: c.Log, now: c.Now, hasher: cmp.Or(c.Hasher, password.NewHasher()), counters: maxCounters, issuer: c.Issuer}
	var err error
	if s.passkeys, err = relyingParty(c.PublicURL); err != nil {
		return nil, fmt.Errorf("prepare passkeys for %q: %w", c.PublicURL, err)
	}
	return s, nil
}

// HasPasskeys reports whether passkeys can be used under the server's URL.
func (s *Service) HasPasskeys() bool { return s.passkeys != nil }
