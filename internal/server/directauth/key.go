package directauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// keyAsked is the answer with a challenge for security keys: in camel case, as
// the SDKs read it.
type keyAsked struct {
	ChallengeType string       `json:"challengeType,omitempty"` // of /challenge alone
	PublicKey     publicKey    `json:"publicKey"`
	Enrolments    []enrolledAs `json:"authenticatorEnrollments"`
}

// publicKey is WebAuthn's PublicKeyCredentialRequestOptionsJSON.
type publicKey struct {
	Challenge        string    `json:"challenge"`
	RPID             string    `json:"rpId"`
	Allow            []allowed `json:"allowCredentials"`
	Timeout          int       `json:"timeout"` // ms
	UserVerification string    `json:"userVerification"`
}

type allowed struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// enrolledAs is one of the keys, for whoever shows a choice.
type enrolledAs struct {
	CredentialID string     `json:"credentialId"`
	DisplayName  string     `json:"displayName"`
	Profile      keyProfile `json:"profile"`
}

type keyProfile struct {
	AAGUID string `json:"aaguid"`
}

func asked(kind string, c factor.KeyChallenge) keyAsked {
	out := keyAsked{ChallengeType: kind, PublicKey: publicKey{Challenge: c.Challenge, RPID: c.RPID, Timeout: int(factor.KeyLife / time.Millisecond), UserVerification: "preferred"}}
	if c.Verify {
		out.PublicKey.UserVerification = "required"
	}
	for _, k := range c.Keys {
		out.PublicKey.Allow = append(out.PublicKey.Allow, allowed{"public-key", k.ID})
		out.Enrolments = append(out.Enrolments, enrolledAs{k.ID, k.Name, keyProfile{k.Model}})
	}
	return out
}

// primaryKey asks a security key as the first factor.
func (s *Server) primaryKey(ctx context.Context, c call, login string) (any, error) {
	subject, err := s.Factors.Subject(ctx, login)
	if err != nil {
		return nil, err
	}
	if err := s.limited(ctx, subject.Key, subject.User, c.asker, false); err != nil {
		return nil, err
	}
	return s.askKey(ctx, c, subject, "", "")
}

func (s *Server) askKey(ctx context.Context, c call, subject factor.Subject, kind, token string) (any, error) {
	challenge, err := s.Factors.AskKey(ctx, subject, token, c.asker)
	if err != nil {
		return nil, outcome(err, "mfa_token", false)
	}
	return asked(kind, challenge), nil
}

func (s *Server) byKey(ctx context.Context, c call) (any, error) {
	u, err := s.tryKey(ctx, c, "")
	if err != nil {
		return nil, err
	}
	return s.issue(c, u, amrKey)
}

func (s *Server) byMFAKey(ctx context.Context, c call) (any, error) {
	token, err := c.need("mfa_token")
	if err != nil {
		return nil, err
	}
	u, err := s.tryKey(ctx, c, token)
	if err != nil {
		return nil, err
	}
	return s.issue(c, u, amrPassword, amrKey, amrMFA)
}

// tryKey takes a key's answer, which names no user: its challenge does.
func (s *Server) tryKey(ctx context.Context, c call, token string) (directory.User, error) {
	a, err := c.assertion()
	if err != nil {
		return directory.User{}, err
	}
	u, err := s.Factors.TryKey(ctx, a, token, c.asker)
	if errors.Is(err, factor.ErrExpired) {
		// By the code of RFC 8628, which needs no token in the request to be
		// understood: Okta's text for it is about those.
		return u, refusal(http.StatusBadRequest, "expired_token", "The challenge has expired, or was answered before. Ask for a new one.")
	}
	return u, outcome(err, "mfa_token", true)
}

// assertion reads what a security key answered. What is no base64url is wrong,
// as what is signed wrongly.
func (f form) assertion() (a credential.Assertion, err error) {
	for _, part := range []struct {
		name string
		into *[]byte
	}{{"authenticatorData", &a.AuthenticatorData}, {"clientDataJSON", &a.ClientDataJSON}, {"signature", &a.Signature}, {"userHandle", &a.UserHandle}} {
		text := f[part.name]
		if text == "" && part.name != "userHandle" {
			return a, missing(part.name)
		}
		if *part.into, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")); err != nil {
			return a, wrong()
		}
	}
	return a, nil
}
