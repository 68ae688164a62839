package directauth

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// challenged is the answer to a push that was sent.
type challenged struct {
	ChallengeType string `json:"challenge_type,omitempty"` // of /challenge alone
	Code          string `json:"oob_code,omitempty"`
	ExpiresIn     int    `json:"expires_in,omitempty"`
	Interval      int    `json:"interval,omitempty"`
	Channel       string `json:"channel,omitempty"`
	BindingMethod string `json:"binding_method,omitempty"`
	BindingCode   string `json:"binding_code,omitempty"` // a text, as in Okta's guide; its examples have a number
}

func sent(kind string, c factor.Challenge) challenged {
	out := challenged{ChallengeType: kind, Code: c.Code, ExpiresIn: int(factor.PushLife / time.Second), Interval: int(factor.PollInterval / time.Second),
		Channel: "push", BindingMethod: "none"}
	if c.Number != "" {
		out.BindingMethod, out.BindingCode = "transfer", c.Number
	}
	return out
}

// primary sends a push as the first factor, or asks a security key. The older /oob-authenticate is sent
// without a challenge_hint by some clients.
func (s *Server) primary(ctx context.Context, c call) (any, error) {
	login, err := c.need("login_hint")
	if err != nil {
		return nil, err
	}
	switch hint := c.form["challenge_hint"]; hint {
	case "", grantOOB:
	case grantKey:
		return s.primaryKey(ctx, c, login)
	default:
		return nil, refusal(http.StatusBadRequest, "invalid_request", "`%s` isn't supported as a `challenge_hint`. Try again with another value.", quoted(hint))
	}
	if err := c.channel(); err != nil {
		return nil, err
	}
	subject, err := s.Factors.Subject(ctx, login)
	if err != nil {
		return nil, err
	}
	if err := s.limited(ctx, subject.Key, subject.User, c.asker, false); err != nil {
		return nil, err
	}
	asked, err := s.Factors.Push(ctx, subject, "", c.asker)
	if err != nil {
		return nil, outcome(err, "", false)
	}
	return sent("", asked), nil
}

// channel: a push is all that there is.
func (f form) channel() error {
	hint, err := f.need("channel_hint")
	if err == nil && hint != "push" {
		return refusal(http.StatusBadRequest, "invalid_request", "`%s` isn't supported as a `channel_hint`. Try again with another value.", quoted(hint))
	}
	return err
}

// challenge sends a push after a password, asks a security key, or says that a
// code is to be typed.
func (s *Server) challenge(ctx context.Context, c call) (any, error) {
	token, err := c.need("mfa_token")
	if err != nil {
		return nil, err
	}
	subject, kinds, err := s.Factors.After(ctx, token, c.asker)
	if err != nil {
		return nil, outcome(err, "mfa_token", false)
	}
	if err := s.limited(ctx, subject.Key, subject.User, c.asker, false); err != nil {
		return nil, err
	}
	kind, err := choose(c.form["challenge_types_supported"], challengeTypes(kinds))
	if err != nil {
		return nil, err
	}
	switch kind {
	case grantMFAOTP:
		return challenged{ChallengeType: kind}, nil
	case grantMFAKey:
		return s.askKey(ctx, c, subject, kind, token)
	}
	if err := c.channel(); err != nil {
		return nil, err
	}
	asked, err := s.Factors.Push(ctx, subject, token, c.asker)
	if err != nil {
		return nil, outcome(err, "mfa_token", false)
	}
	return sent(kind, asked), nil
}

// challengeTypes are the kinds of factors in the words of the API.
func challengeTypes(kinds []string) (types []string) {
	for _, k := range kinds {
		types = append(types, map[string]string{factor.KindTOTP: grantMFAOTP, factor.KindPush: grantMFAOOB, factor.KindKey: grantMFAKey}[k])
	}
	return types
}

// choose is the first type that the client supports and the user has; without a
// list, the first that the user has. What is unknown here is passed over while
// there is another.
func choose(supported string, have []string) (string, error) {
	wanted := strings.Fields(supported)
	if len(wanted) == 0 {
		wanted = have
	}
	for _, w := range wanted {
		if slices.Contains(have, w) {
			return w, nil
		}
	}
	for _, w := range wanted {
		if w != grantMFAOTP && w != grantMFAOOB && w != grantMFAKey {
			return "", refusal(http.StatusForbidden, "access_denied", "`%s` isn't supported as a `challenge_type`. Try again with another value.", quoted(w))
		}
	}
	return "", noAuthenticator()
}
