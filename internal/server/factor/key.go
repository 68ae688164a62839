package factor

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// KeyLife is how long a challenge of a security key is good for.
const KeyLife = 5 * time.Minute

// Reasons of a refused key, for the events alone.
const (
	reasonUnknown     = "UNKNOWN_CHALLENGE" // or one that was answered before
	reasonExpired     = "EXPIRED"
	reasonCounter     = "SIGN_COUNT_BACK"
	reasonNotVerified = "USER_NOT_VERIFIED"
	reasonOrigin      = "WRONG_ORIGIN"
	reasonParty       = "WRONG_RP_ID"
	reasonForeignKey  = "FOREIGN_KEY" // of nobody, or of another user
	reasonUnreadable  = "UNREADABLE"
)

// KeyChallenge is what a security key at a Mac has to sign.
type KeyChallenge struct {
	Challenge string // base64url
	RPID      string
	Keys      []OfferedKey
	Verify    bool // the key must verify the person
}

// OfferedKey is one of the keys that may answer.
type OfferedKey struct {
	ID    string // base64url
	Name  string
	Model string // the AAGUID in hexadecimal; "" where the key did not say
}

// AskKey makes a challenge for the user's security keys. mfa is as of Push.
// Errors: ErrNoFactor, ErrExpired of the token, or the database's.
func (b *Book) AskKey(ctx context.Context, s Subject, mfa string, a Asker) (c KeyChallenge, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		u, active, err := b.active(ctx, tx, s)
		if err != nil {
			return err
		}
		keys, err := b.keys(ctx, tx, u)
		if err != nil {
			return err
		}
		if !active || len(keys) == 0 || b.Party == nil {
			no = ErrNoFactor
			return b.tell(ctx, tx, u, a, failed(KindKey, why(u, active)))
		}
		if mfa != "" {
			if owner, err := b.owner(ctx, tx, mfa, a); err != nil || owner.ID != u.ID {
				return errors.Join(err, ErrExpired)
			}
		}
		c, err = b.askKey(ctx, tx, u, keys, mfa, a)
		return err
	})
	return c, errors.Join(err, no)
}

// askKey stores a challenge in the place of those that this Mac and client had
// for the user.
func (b *Book) askKey(ctx context.Context, tx *sql.Tx, u directory.User, keys []heldKey, mfa string, a Asker) (KeyChallenge, error) {
	settings, err := directory.AuthenticatorSettings(ctx, tx)
	if err != nil {
		return KeyChallenge{}, err
	}
	c := KeyChallenge{Challenge: credential.NewChallenge(), RPID: b.Party.ID(), Verify: settings.KeyVerification}
	for _, k := range keys {
		c.Keys = append(c.Keys, OfferedKey{ID: k.held.credential, Name: k.Name, Model: hex.EncodeToString(k.public.Model())})
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM key_challenges WHERE expires_at <= $1 OR user_id = $2 AND client_id = $3 AND device_id = $4`,
		store.Micros(b.Now()), u.ID, a.ClientID, a.Device.ID)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO key_challenges (digest, mfa_digest, user_id, client_id, device_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			b.digest("key", c.Challenge), b.mfaDigest(mfa), u.ID, a.ClientID, a.Device.ID, store.Micros(b.Now().Add(KeyLife)))
	}
	if err != nil {
		return c, fmt.Errorf("store a challenge for the keys of user %q: %w", u.Login, err)
	}
	return c, nil
}

// heldKey is a stored security key, opened.
type heldKey struct {
	held
	public credential.Credential
}

// keys are the security keys of a user that can be used.
func (b *Book) keys(ctx context.Context, tx *sql.Tx, u directory.User) (found []heldKey, err error) {
	all, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if h.Kind != KindKey || !h.Usable() {
			continue
		}
		c, err := b.openCredential(u.ID, h)
		if err != nil {
			return nil, err
		}
		found = append(found, heldKey{h, c})
	}
	return found, nil
}

func (b *Book) openCredential(userID string, h held) (c credential.Credential, err error) {
	raw, err := b.Vault.Open(vault.ForFactors, h.sealed, h.Kind, userID, h.ID)
	if err == nil {
		c, err = credential.Decode(raw)
	}
	if err != nil {
		return c, fmt.Errorf("open the credential of factor %s: %w", h.ID, err)
	}
	return c, nil
}

func (b *Book) sealCredential(userID, id, kind string, c credential.Credential) (string, error) {
	raw, err := c.Encode()
	if err != nil {
		return "", err
	}
	return b.Vault.Seal(vault.ForFactors, raw, kind, userID, id)
}

// holder is a user as WebAuthn asks for one, with some of the credentials.
func holder(u directory.User, has ...credential.Credential) credential.Holder {
	return credential.Holder{ID: u.ID, Login: u.Login, Name: u.Name(), Has: has}
}

// TryKey takes a security key's answer, once. mfa is as of TryTOTP. Errors:
// ErrRefused, ErrExpired of the challenge or the token, *WaitError, or the
// database's.
func (b *Book) TryKey(ctx context.Context, answer credential.Assertion, mfa string, a Asker) (directory.User, error) {
	challenge, err := answer.Challenge()
	if err != nil {
		return directory.User{}, ErrRefused
	}
	s, err := b.takeChallenge(ctx, challenge, mfa, a)
	if err != nil {
		return directory.User{}, err
	}
	t, err := b.count(ctx, s, KindKey)
	if err != nil {
		return directory.User{}, err
	}
	var no error
	var u directory.User
	err = b.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		u, no, err = b.proveKey(ctx, tx, s, challenge, answer, mfa, t, a)
		return err
	})
	if err := errors.Join(err, no); err != nil {
		return directory.User{}, err
	}
	return u, nil
}

// takeChallenge uses a challenge up, whoever shows it: what was shown once is
// known to whoever saw it.
func (b *Book) takeChallenge(ctx context.Context, challenge, mfa string, a Asker) (s Subject, err error) {
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		var mfaDigest, userID, clientID, deviceID string
		var expires sql.NullInt64
		err := tx.QueryRowContext(ctx, `DELETE FROM key_challenges WHERE digest = $1 RETURNING mfa_digest, user_id, client_id, device_id, expires_at`, b.digest("key", challenge)).
			Scan(&mfaDigest, &userID, &clientID, &deviceID, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			no = ErrExpired
			return b.tell(ctx, tx, directory.User{}, a, failed(KindKey, reasonUnknown))
		}
		if err != nil {
			return fmt.Errorf("read a key's challenge: %w", err)
		}
		u, err := directory.FindUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		s = b.subjectOf(u)
		switch {
		case clientID != a.ClientID || deviceID != a.Device.ID || mfaDigest != b.mfaDigest(mfa):
			no = ErrExpired
			return b.tell(ctx, tx, u, a, failed(KindKey, reasonForeign))
		case !b.Now().Before(store.Time(expires)):
			no = ErrExpired
			return b.tell(ctx, tx, u, a, failed(KindKey, reasonExpired))
		}
		return nil
	})
	return s, errors.Join(err, no)
}

// proveKey compares; no is a refusal to be committed.
func (b *Book) proveKey(ctx context.Context, tx *sql.Tx, s Subject, challenge string, answer credential.Assertion, mfa string, t tally, a Asker) (u directory.User, no, err error) {
	u, active, err := b.active(ctx, tx, s)
	if err != nil {
		return u, nil, err
	}
	keys, err := b.keys(ctx, tx, u)
	if err != nil {
		return u, nil, err
	}
	settings, err := directory.AuthenticatorSettings(ctx, tx)
	if err != nil {
		return u, nil, err
	}
	h := holder(u)
	for _, k := range keys {
		h.Has = append(h.Has, k.public)
	}
	used, wrong := b.Party.Prove(h, challenge, answer, settings.KeyVerification)
	switch {
	case errors.Is(wrong, credential.ErrCounterBack):
		return u, ErrRefused, errors.Join(b.missed(ctx, tx, u, a, t, failed(KindKey, reasonCounter)), b.suspend(ctx, tx, u, used, By{Actor: userActor(u), Client: a.From}))
	case wrong != nil || !active:
		reason := reasonOf(wrong)
		if !active {
			reason = why(u, active)
		}
		return u, ErrRefused, b.missed(ctx, tx, u, a, t, failed(KindKey, reason))
	}
	if err := b.spend(ctx, tx, mfa, u, a); err != nil {
		return u, nil, err
	}
	if err := b.keepCounter(ctx, tx, u, used); err != nil {
		return u, nil, err
	}
	if err := b.pardon(ctx, tx, t); err != nil {
		return u, nil, err
	}
	return u, nil, b.tell(ctx, tx, u, a, passed(KindKey))
}

// reasonOf is why a WebAuthn answer was refused.
func reasonOf(wrong error) string {
	for _, r := range []struct {
		is     error
		reason string
	}{{credential.ErrOrigin, reasonOrigin}, {credential.ErrParty, reasonParty}, {credential.ErrNotVerified, reasonNotVerified}, {credential.ErrForeign, reasonForeignKey},
		{credential.ErrUnreadable, reasonUnreadable}, {credential.ErrCounterBack, reasonCounter}, {ErrEnrolled, "ENROLLED_ALREADY"}, {ErrTooMany, "TOO_MANY_FACTORS"}} {
		if errors.Is(wrong, r.is) {
			return r.reason
		}
	}
	return reasonWrong
}

// byCredential is the factor of a user with that credential.
func (b *Book) byCredential(ctx context.Context, tx *sql.Tx, u directory.User, c credential.Credential) (h held, err error) {
	h, err = scanFactor(tx.QueryRowContext(ctx, `SELECT `+factorColumns+` FROM user_factors WHERE user_id = $1 AND credential = $2`, u.ID, encoded(c.ID())))
	if err != nil {
		return h, fmt.Errorf("read the factor of a credential of user %q: %w", u.Login, err)
	}
	return h, nil
}

func encoded(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// keepCounter stores a credential's new counter, and that it was used.
func (b *Book) keepCounter(ctx context.Context, tx *sql.Tx, u directory.User, c credential.Credential) error {
	h, err := b.byCredential(ctx, tx, u, c)
	if err != nil {
		return err
	}
	sealed, err := b.sealCredential(u.ID, h.ID, h.Kind, c)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE user_factors SET sealed = $2, used_at = $3 WHERE id = $1`, h.ID, sealed, store.Micros(b.Now())); err != nil {
		return fmt.Errorf("store the counter of factor %s: %w", h.ID, err)
	}
	return nil
}

// suspend ends the use of a credential of which there may be a copy, until an
// administrator removes it.
func (b *Book) suspend(ctx context.Context, tx *sql.Tx, u directory.User, c credential.Credential, by By) error {
	h, err := b.byCredential(ctx, tx, u, c)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE user_factors SET suspended_at = $2 WHERE id = $1`, h.ID, store.Micros(b.Now())); err != nil {
		return fmt.Errorf("suspend factor %s: %w", h.ID, err)
	}
	// Whoever has the copy may have begun something.
	if err := b.voidOpen(ctx, tx, u); err != nil {
		return err
	}
	e := systemlog.Event{Type: systemlog.FactorSuspend, Severity: systemlog.Error, Message: "The counter of a user's authenticator went back: somebody may have a copy, and it is suspended",
		Outcome: systemlog.Outcome{Result: systemlog.Success, Reason: reasonCounter}, Detail: map[string]string{"factor": h.Kind, "id": h.ID}}
	return b.tellChange(ctx, tx, u, by, e)
}
