package directauth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Grant types, and the challenge types of the same names.
const (
	grantPassword = "password"
	grantOTP      = "urn:okta:params:oauth:grant-type:otp"
	grantOOB      = "urn:okta:params:oauth:grant-type:oob"
	grantMFAOTP   = "http://auth0.com/oauth/grant-type/mfa-otp"
	grantMFAOOB   = "http://auth0.com/oauth/grant-type/mfa-oob"
	grantKey      = "urn:okta:params:oauth:grant-type:webauthn"
	grantMFAKey   = "urn:okta:params:oauth:grant-type:mfa-webauthn"
)

func grantTypes() []string {
	return []string{grantPassword, grantOTP, grantOOB, grantMFAOTP, grantMFAOOB, grantKey, grantMFAKey}
}

// scopes are those that mean something here. Others are left out of the answer;
// there are no refresh tokens.
func scopes() []string { return []string{"openid", "profile", "email"} }

// Lives of tokens. The access token opens nothing: no service takes it.
const (
	idTokenLife     = time.Hour
	accessTokenLife = 5 * time.Minute
	maxNonce        = 256
)

// Methods, as amr tells them (RFC 8176): a push is another channel, a security
// key proves that one has a key of hardware.
const (
	amrPassword = "pwd"
	amrTOTP     = "otp"
	amrPush     = "mca"
	amrKey      = "hwk"
	amrMFA      = "mfa"
)

// tokens is the answer to a grant.
type tokens struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope"`
	IDToken     string `json:"id_token,omitempty"`
}

// claims are an ID token's.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	AuthTime int64    `json:"auth_time"`
	Methods  []string `json:"amr"`
	Nonce    string   `json:"nonce,omitempty"`
	Login    string   `json:"preferred_username"`
	Email    string   `json:"email,omitempty"`
	Name     string   `json:"name,omitempty"`
}

func (s *Server) token(ctx context.Context, c call) (any, error) {
	grant, err := c.need("grant_type")
	if err != nil {
		return nil, err
	}
	do, ok := map[string]operation{grantPassword: s.byPassword, grantOTP: s.byOTP, grantOOB: s.byOOB, grantMFAOTP: s.byMFAOTP, grantMFAOOB: s.byMFAOOB,
		grantKey: s.byKey, grantMFAKey: s.byMFAKey}[grant]
	if !ok {
		return nil, refusal(http.StatusBadRequest, "unsupported_grant_type", "The grant type in the request isn't supported.")
	}
	follows := grant == grantMFAOTP || grant == grantMFAOOB || grant == grantMFAKey // a password, whose scope it has
	if !follows && strings.TrimSpace(c.form["scope"]) == "" {
		return nil, refusal(http.StatusBadRequest, "invalid_scope", "No scopes were requested.")
	}
	if len(c.form["nonce"]) > maxNonce {
		return nil, refusal(http.StatusBadRequest, "invalid_request", "The `nonce` parameter is too long.")
	}
	return do(ctx, c)
}

// byPassword never leads to a token: a factor must follow.
func (s *Server) byPassword(ctx context.Context, c call) (any, error) {
	who, typed, err := c.two("username", "password")
	if err != nil {
		return nil, err
	}
	subject, err := s.subject(ctx, c, who)
	if err != nil {
		return nil, err
	}
	m, err := s.Factors.TryPassword(ctx, subject, typed, c.asker)
	if err != nil {
		return nil, outcome(err, "", true)
	}
	e := refusal(http.StatusForbidden, "mfa_required", "Verify with an additional authenticator to complete the sign-in process.")
	e.MFAToken, e.Types = m.Token, strings.Join(challengeTypes(m.Kinds), " ")
	return nil, e
}

func (s *Server) byOTP(ctx context.Context, c call) (any, error) {
	who, code, err := c.two("login_hint", "otp")
	if err != nil {
		return nil, err
	}
	subject, err := s.subject(ctx, c, who)
	if err != nil {
		return nil, err
	}
	if err := s.Factors.TryTOTP(ctx, subject, code, "", c.asker); err != nil {
		return nil, outcome(err, "", true)
	}
	return s.issue(c, subject.User, amrTOTP)
}

func (s *Server) byMFAOTP(ctx context.Context, c call) (any, error) {
	token, code, err := c.two("mfa_token", "otp")
	if err != nil {
		return nil, err
	}
	subject, _, err := s.Factors.After(ctx, token, c.asker)
	if err != nil {
		return nil, outcome(err, "mfa_token", true)
	}
	if err := s.limited(ctx, subject.Key, subject.User, c.asker, true); err != nil {
		return nil, err
	}
	if err := s.Factors.TryTOTP(ctx, subject, code, token, c.asker); err != nil {
		return nil, outcome(err, "mfa_token", true)
	}
	return s.issue(c, subject.User, amrPassword, amrTOTP, amrMFA)
}

func (s *Server) byOOB(ctx context.Context, c call) (any, error) {
	code, err := c.need("oob_code")
	if err != nil {
		return nil, err
	}
	if err := s.limited(ctx, code, directory.User{}, c.asker, true); err != nil {
		return nil, err
	}
	u, err := s.Factors.Redeem(ctx, code, "", c.asker)
	if err != nil {
		return nil, outcome(err, "oob_code", true)
	}
	return s.issue(c, u, amrPush)
}

func (s *Server) byMFAOOB(ctx context.Context, c call) (any, error) {
	token, code, err := c.two("mfa_token", "oob_code")
	if err != nil {
		return nil, err
	}
	if err := s.limited(ctx, code, directory.User{}, c.asker, true); err != nil {
		return nil, err
	}
	u, err := s.Factors.Redeem(ctx, code, token, c.asker)
	if err != nil {
		return nil, outcome(err, "oob_code", true)
	}
	return s.issue(c, u, amrPassword, amrPush, amrMFA)
}

// two are two fields that must be there.
func (f form) two(a, b string) (first, second string, err error) {
	first, err1 := f.need(a)
	second, err2 := f.need(b)
	return first, second, errors.Join(err1, err2)
}

// outcome is the answer to a factor that was not right. expires names what may
// be too old.
func outcome(err error, expires string, token bool) error {
	var wait *factor.WaitError
	switch {
	case errors.As(err, &wait) && token:
		return tooManyTokens(wait.Wait)
	case errors.As(err, &wait):
		return tooMany(wait.Wait)
	case errors.Is(err, factor.ErrRefused), errors.Is(err, factor.ErrNotACode):
		return wrong()
	case errors.Is(err, factor.ErrNoFactor):
		return noAuthenticator()
	case errors.Is(err, factor.ErrExpired):
		return expired(expires)
	case errors.Is(err, factor.ErrPending):
		return refusal(http.StatusBadRequest, "authorization_pending", "No user response received on the out-of-band authenticator yet. Continue polling to wait for a response.")
	case errors.Is(err, factor.ErrSlowDown):
		return refusal(http.StatusBadRequest, "slow_down", "The polling is too fast. Wait five seconds more between two requests.")
	case errors.Is(err, factor.ErrDenied):
		return refusal(http.StatusBadRequest, "access_denied", "The user refused the request.")
	}
	return err
}

// subject is whom a login means, unless too much is asked for them.
func (s *Server) subject(ctx context.Context, c call, login string) (factor.Subject, error) {
	subject, err := s.Factors.Subject(ctx, login)
	if err != nil {
		return subject, err
	}
	return subject, s.limited(ctx, subject.Key, subject.User, c.asker, true)
}

// limited holds the four requests of a login in a second, and tells once of a
// burst that is beyond.
func (s *Server) limited(ctx context.Context, key string, u directory.User, a factor.Asker, token bool) error {
	wait, first := s.logins.over(key, s.Now())
	if wait == 0 {
		return nil
	}
	if first {
		if err := s.tellLimit(ctx, u, a); err != nil {
			return err
		}
	}
	return outcome(&factor.WaitError{Wait: wait}, "", token)
}

func (s *Server) tellLimit(ctx context.Context, u directory.User, a factor.Asker) error {
	actor := systemlog.Actor{ID: "unknown", Type: "User", AlternateID: "unknown", DisplayName: "unknown"}
	if u.ID != "" {
		actor = systemlog.Actor{ID: u.ID, Type: "User", AlternateID: u.Login, DisplayName: u.Name()}
	}
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		return s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.UserLimit, Severity: systemlog.Warn, Message: "Too many requests for one login", Actor: actor, Client: a.From,
			Targets: []systemlog.Target{{ID: a.Device.ID, Type: "Device", AlternateID: a.Device.Serial, DisplayName: a.Device.Label()}},
			Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: "user_rate_limited"}})
	})
}

// issue makes the tokens of a user who has proven who they are.
func (s *Server) issue(c call, u directory.User, methods ...string) (any, error) {
	asked := strings.Fields(c.form["scope"])
	if len(asked) == 0 {
		asked = []string{"openid"}
	}
	granted := slices.DeleteFunc(scopes(), func(name string) bool { return !slices.Contains(asked, name) })
	out := tokens{TokenType: "Bearer", ExpiresIn: int(accessTokenLife / time.Second), AccessToken: rand.Text(), Scope: strings.Join(granted, " ")}
	if !slices.Contains(granted, "openid") {
		return out, nil
	}
	now := s.Now()
	var err error
	out.IDToken, err = s.Keys.sign(claims{Issuer: c.as.issuer, Subject: u.ID, Audience: c.asker.ClientID, IssuedAt: now.Unix(), Expires: now.Add(idTokenLife).Unix(),
		AuthTime: now.Unix(), Methods: methods, Nonce: c.form["nonce"], Login: u.Login, Email: u.Email, Name: u.Name()})
	return out, err
}
