package federation

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// backChannelEvent is what a logout token is about (OpenID Connect Back-Channel
// Logout 1.0 §2.4).
const backChannelEvent = "http://schemas.openid.net/event/backchannel-logout"

// Bounds of a logout token.
const (
	maxLogoutToken = 16 << 10         // bytes
	logoutLife     = 10 * time.Minute // from its issue; and so its id is kept
	signOutWait    = 5 * time.Second  // for a provider that is asked where it signs people out
)

// SignOutURL is where the browser is sent to be signed out at the provider too;
// empty where the provider has no such place, or cannot be reached.
func (p *Provider) SignOutURL(ctx context.Context, idToken string) string {
	// Whoever signs out has a session here no more, and does not wait for it.
	ctx, stop := context.WithTimeout(ctx, signOutWait)
	defer stop()
	d, err := p.discover(ctx)
	if err != nil || d.endSession == "" {
		return ""
	}
	u, err := url.Parse(d.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", p.PublicURL+SignedOutPath)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Ended is what the provider says is over: one session of its, or all of a
// person.
type Ended struct{ Issuer, Subject, SessionID string }

// logoutClaims are those of a logout token.
type logoutClaims struct {
	ID        string                     `json:"jti"`
	Events    map[string]json.RawMessage `json:"events"`
	Nonce     json.RawMessage            `json:"nonce"`
	SessionID string                     `json:"sid"`
	Expires   *float64                   `json:"exp"`
}

// ReadLogout takes the provider's word, on a connection of its own, that
// somebody has signed out there (OpenID Connect Back-Channel Logout 1.0 §2.6).
// The error is a *Refusal, the context's, or the database's.
func (p *Provider) ReadLogout(ctx context.Context, raw string) (Ended, error) {
	if raw == "" || len(raw) > maxLogoutToken {
		return Ended{}, Refuse(BadToken, "There is no logout token, or it is too long.")
	}
	d, err := p.discover(ctx)
	if err != nil {
		return Ended{}, err
	}
	token, err := p.verify(ctx, d, raw)
	if err != nil {
		return Ended{}, err
	}
	var c logoutClaims
	if err := token.Claims(&c); err != nil {
		return Ended{}, Refuse(BadToken, "The logout token has claims that are not what OpenID Connect says.")
	}
	if problem := p.noLogout(token.IssuedAt, token.Subject, c); problem != "" {
		return Ended{}, Refuse(BadToken, "This is no logout token to act on: "+problem+".")
	}
	first, err := p.spend(ctx, "jti "+p.Vault.Digest(vault.ForAdminDigests, "jti", p.Issuer, c.ID), logoutLife+2*leeway)
	if err != nil {
		return Ended{}, err
	}
	if !first {
		return Ended{}, Refuse(FlowUsed, "The logout token was used already.")
	}
	return Ended{Issuer: p.Issuer, Subject: token.Subject, SessionID: c.SessionID}, nil
}

// noLogout is why a token of the provider's for this client ends nothing.
func (p *Provider) noLogout(issued time.Time, subject string, c logoutClaims) string {
	now := p.Now()
	about, there := c.Events[backChannelEvent]
	var object map[string]json.RawMessage
	switch {
	case !there || json.Unmarshal(about, &object) != nil || object == nil:
		return "it is not about a sign-out"
	case c.Nonce != nil:
		return "it is an ID token" // which a browser has seen
	case subject == "" && c.SessionID == "":
		return "it does not say whose"
	case len(subject) > 255 || len(c.SessionID) > 255 || len(c.ID) > 255:
		return "it has an id that is too long"
	case c.ID == "":
		return "it has no id, so it could be used again"
	case issued.IsZero() || issued.After(now.Add(leeway)) || !issued.After(now.Add(-logoutLife-leeway)):
		return "it was not issued just now"
	case c.Expires != nil && !seconds(*c.Expires).After(now.Add(-leeway)):
		return "it has expired"
	}
	return ""
}
