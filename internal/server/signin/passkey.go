package signin

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// MaxPasskeys is how many an administrator may have.
const MaxPasskeys = 20

// maxResponse bounds what is read of a browser's answer, in bytes.
const maxResponse = 64 << 10

// Kinds of ceremonies. The answer to one is none to the other.
const (
	toRegister = "register"
	toProve    = "prove"
)

// relyingParty is the server as passkeys know it: nil where browsers have none,
// which is under an address, or a name without a domain that is not localhost.
func relyingParty(public string) (*webauthn.WebAuthn, error) {
	if public == "" {
		return nil, nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("want a URL that starts with https:// and names a host")
	}
	id := strings.ToLower(u.Hostname())
	if protocol.ValidateRPID(id) != nil {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{RPID: id, RPDisplayName: issuer, RPOrigins: []string{"https://" + strings.ToLower(u.Host)},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred}})
}

// ceremony is a challenge that waits for its answer.
type ceremony struct {
	Kind string               `json:"kind"`
	Data webauthn.SessionData `json:"data"`
}

// holder is an administrator as the library asks for one.
type holder struct {
	Admin
	keys []storedKey
}

func (h holder) WebAuthnID() []byte          { return []byte(h.ID) }
func (h holder) WebAuthnName() string        { return h.Login }
func (h holder) WebAuthnDisplayName() string { return h.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, 0, len(h.keys))
	for _, k := range h.keys {
		out = append(out, k.credential)
	}
	return out
}

// storedKey is a row of admin_passkeys.
type storedKey struct {
	id         string
	credential webauthn.Credential
}

// holderOf is an administrator with their passkeys, opened.
func (s *Service) holderOf(ctx context.Context, tx *sql.Tx, a Admin) (holder, error) {
	type row struct{ id, sealed string }
	one := func(sc store.Scanner) (r row, err error) { err = sc.Scan(&r.id, &r.sealed); return r, err }
	rows, err := store.All(ctx, tx, one, `SELECT id, sealed FROM admin_passkeys WHERE admin_id = $1 ORDER BY created_at, id`, a.ID)
	if err != nil {
		return holder{}, fmt.Errorf("read the passkeys of administrator %q: %w", a.Login, err)
	}
	h := holder{Admin: a}
	for _, r := range rows {
		k := storedKey{id: r.id}
		raw, err := s.vault.Open(vault.ForAdmins, r.sealed, "passkey", a.ID, r.id)
		if err == nil {
			err = json.Unmarshal(raw, &k.credential)
		}
		if err != nil {
			return holder{}, fmt.Errorf("open passkey %s of administrator %q: %w", r.id, a.Login, err)
		}
		h.keys = append(h.keys, k)
	}
	return h, nil
}

// sealKey is a passkey as it is stored. It holds no secret, but must not be
// another's, or one that was planted.
func (s *Service) sealKey(admin, id string, c webauthn.Credential) (string, error) {
	c.Attestation = webauthn.CredentialAttestation{} // was not asked for
	raw, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode a passkey: %w", err)
	}
	return s.vault.Seal(vault.ForAdmins, raw, "passkey", admin, id)
}

// BeginPasskey is what the browser's navigator.credentials.create is to be
// given, as JSON. Errors: ErrNoSession, ErrNotFresh (of a whole session),
// ErrNoPasskeys, ErrState for one too many, or the database's.
func (s *Service) BeginPasskey(ctx context.Context, token string) ([]byte, error) {
	return s.beginCeremony(ctx, token, toRegister, []stage{settingUp, full}, func(h held, who holder) (any, *webauthn.SessionData, error) {
		if err := s.fresh(h); err != nil {
			return nil, nil, err
		}
		if len(who.keys) >= MaxPasskeys {
			return nil, nil, fmt.Errorf("more than %d passkeys: %w", MaxPasskeys, ErrState)
		}
		// A passkey that is there already is not made twice.
		return s.passkeys.BeginRegistration(who, webauthn.WithExclusions(webauthn.Credentials(who.WebAuthnCredentials()).CredentialDescriptors()))
	})
}

// PasskeyChallenge is what navigator.credentials.get is to be given, as JSON,
// to end a sign-in or to authenticate again. Errors: ErrNoSession,
// ErrNoPasskeys, ErrNotFound where the administrator has none, or the
// database's.
func (s *Service) PasskeyChallenge(ctx context.Context, token string) ([]byte, error) {
	return s.beginCeremony(ctx, token, toProve, []stage{half, full}, func(_ held, who holder) (any, *webauthn.SessionData, error) {
		if len(who.keys) == 0 {
			return nil, nil, fmt.Errorf("a passkey: %w", ErrNotFound)
		}
		return s.passkeys.BeginLogin(who)
	})
}

// beginCeremony stores a challenge in the place of one that waited.
func (s *Service) beginCeremony(ctx context.Context, token, kind string, stages []stage, begin func(held, holder) (any, *webauthn.SessionData, error)) (options []byte, err error) {
	if s.passkeys == nil {
		return nil, ErrNoPasskeys
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		h, err := s.load(ctx, tx, token, stages...)
		if err != nil {
			return err
		}
		who, err := s.holderOf(ctx, tx, h.Admin)
		if err != nil {
			return err
		}
		made, data, err := begin(h, who)
		if err != nil {
			return err
		}
		waits, err := json.Marshal(ceremony{Kind: kind, Data: *data})
		if err != nil {
			return fmt.Errorf("encode a passkey's challenge: %w", err)
		}
		if options, err = json.Marshal(made); err != nil {
			return fmt.Errorf("encode a passkey's options: %w", err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE admin_sessions SET ceremony = $2, ceremony_until = $3 WHERE id = $1`, h.ID, string(waits), store.Micros(s.now().Add(ceremonyLife)))
		return err
	})
	return options, err
}

// waiting is the challenge of a session, if it is of that kind and not too old.
func (s *Service) waiting(h held, kind string) (webauthn.SessionData, bool) {
	var c ceremony
	if h.ceremony == "" || !s.now().Before(h.ceremonyUntil) || json.Unmarshal([]byte(h.ceremony), &c) != nil || c.Kind != kind {
		return webauthn.SessionData{}, false
	}
	return c.Data, true
}

// dropCeremony makes a challenge void: it is good for one answer.
func dropCeremony(ctx context.Context, tx *sql.Tx, session string) error {
	_, err := tx.ExecContext(ctx, `UPDATE admin_sessions SET ceremony = '', ceremony_until = NULL WHERE id = $1`, session)
	if err != nil {
		return fmt.Errorf("void a passkey's challenge: %w", err)
	}
	return nil
}

// FinishPasskey ends the set-up with the new passkey: the recovery codes, and
// the first session. Errors: ErrRefused, ErrValue (of the name), ErrNoSession,
// ErrState before there is a password, ErrNoPasskeys, or the database's.
func (s *Service) FinishPasskey(ctx context.Context, token, name string, response []byte) ([]Secret, Session, error) {
	if s.passkeys == nil {
		return nil, Session{}, ErrNoPasskeys
	}
	return s.setUp(ctx, token, func(tx *sql.Tx, h held) error { return s.register(ctx, tx, h, name, response) })
}

// AddPasskey adds the passkey to the account of a session. Errors: ErrRefused,
// ErrValue (of the name), ErrNoSession, ErrNotFresh, ErrNoPasskeys, or the
// database's.
func (s *Service) AddPasskey(ctx context.Context, token, name string, response []byte) error {
	if s.passkeys == nil {
		return ErrNoPasskeys
	}
	return s.change(ctx, token, func(tx *sql.Tx, h held) error { return s.register(ctx, tx, h, name, response) })
}

// register stores the passkey that answers the session's challenge.
func (s *Service) register(ctx context.Context, tx *sql.Tx, h held, name string, response []byte) error {
	if name = strings.TrimSpace(name); !sound(name) {
		return fmt.Errorf("the name of a passkey: want 1 to %d characters: %w", maxText, ErrValue)
	}
	data, waits := s.waiting(h, toRegister)
	answer, err := parseCreation(response)
	if err != nil || !waits {
		return ErrRefused
	}
	c, err := s.passkeys.CreateCredential(holder{Admin: h.Admin}, data, answer)
	if err != nil {
		return ErrRefused
	}
	id := store.NewID("pky")
	sealed, err := s.sealKey(h.Admin.ID, id, *c)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO admin_passkeys (id, admin_id, credential, sealed, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, h.Admin.ID, base64.RawURLEncoding.EncodeToString(c.ID), sealed, name, store.Micros(s.now()))
	if err != nil {
		return fmt.Errorf("store a passkey of administrator %q: %w", h.Admin.Login, err)
	}
	if err := dropCeremony(ctx, tx, h.ID); err != nil {
		return err
	}
	return s.tellFactor(ctx, tx, h, systemlog.FactorActivate, stepPasskey)
}

// parseCreation and parseAssertion read a browser's answers, bounded.
func parseCreation(response []byte) (*protocol.ParsedCredentialCreationData, error) {
	if len(response) > maxResponse {
		return nil, ErrRefused
	}
	return protocol.ParseCredentialCreationResponseBytes(response)
}

func parseAssertion(response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(response) > maxResponse {
		return nil, ErrRefused
	}
	return protocol.ParseCredentialRequestResponseBytes(response)
}

// byPasskey is the answer to a passkey's challenge.
func (s *Service) byPasskey(ctx context.Context, response []byte) factor {
	if s.passkeys == nil {
		return factor{malformed: ErrNoPasskeys}
	}
	return factor{use: func(tx *sql.Tx, h held) error {
		who, err := s.holderOf(ctx, tx, h.Admin)
		if err != nil {
			return err
		}
		data, waits := s.waiting(h, toProve)
		answer, err := parseAssertion(response)
		if err != nil || !waits {
			return refuse(reasonWrong)
		}
		c, err := s.passkeys.ValidateLogin(who, data, answer)
		if err != nil {
			return refuse(reasonWrong)
		}
		// Not above the last one: two have the key.
		if c.Authenticator.CloneWarning {
			return refuse(reasonCounterBack)
		}
		return s.used(ctx, tx, who, *c)
	}}
}

// used stores a passkey's new counter.
func (s *Service) used(ctx context.Context, tx *sql.Tx, who holder, c webauthn.Credential) error {
	for _, k := range who.keys {
		if string(k.credential.ID) != string(c.ID) {
			continue
		}
		sealed, err := s.sealKey(who.ID, k.id, c)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE admin_passkeys SET sealed = $2, used_at = $3 WHERE id = $1`, k.id, sealed, store.Micros(s.now())); err != nil {
			return fmt.Errorf("store the counter of passkey %s: %w", k.id, err)
		}
		return nil
	}
	return refuse(reasonWrong)
}
