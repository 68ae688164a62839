package federation

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// Identity is who the provider says signed in. It prints as a placeholder.
type Identity struct {
	Issuer, Subject string // what somebody is known by
	Login, Name     string // how they are shown
	Role            access.Role
	Scope           []string  // groups of users that the role is limited to
	Group           string    // at the provider, by which they have the role
	At              time.Time // when they signed in there
	SessionID       string    // the provider's, or empty
	IDToken         string    // for the sign-out there; empty where it is too long for an address
}

// String hides the token from logs.
func (Identity) String() string { return "[identity]" }

// GoString hides the token from %#v.
func (Identity) GoString() string { return "[identity]" }

// maxHint is the longest ID token that is kept for the sign-out, in bytes.
const maxHint = 4 << 10

// algorithms that tokens may be signed with. Never none, and none with a shared
// key: the provider's public key would do for one.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.ES256, oidc.ES384, oidc.EdDSA}
}

// claims are those that go-oidc does not look at.
type claims struct {
	Party     string   `json:"azp"`
	NotBefore *float64 `json:"nbf"`
	AuthTime  *float64 `json:"auth_time"`
	Methods   texts    `json:"amr"`
	Class     string   `json:"acr"`
	Name      string   `json:"name"`
	SessionID string   `json:"sid"`
}

// texts are a list of texts, or one: some providers leave out the brackets.
type texts []string

// UnmarshalJSON takes a text or a list of texts.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts{one}
		return nil
	}
	var all []string
	if err := json.Unmarshal(raw, &all); err != nil {
		return errors.New("want a text or a list of texts")
	}
	*t = all
	return nil
}

// believe is who an ID token names, by OpenID Connect Core §3.1.3.7. The error
// is a *Refusal, or the context's.
func (p *Provider) believe(ctx context.Context, d *discovered, raw, access string, f Flow) (Identity, error) {
	id, err := p.verify(ctx, d, raw)
	if err != nil {
		return Identity{}, err
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Identity{}, Refuse(BadToken, "The provider's ID token has claims that are not what OpenID Connect says.")
	}
	if problem := p.problem(id, c, access, f); problem != "" {
		return Identity{}, Refuse(BadToken, "The provider's ID token is not to be believed: "+problem+". "+beginAgain)
	}
	if err := p.recent(c, f); err != nil {
		return Identity{}, err
	}
	who := Identity{Issuer: p.Issuer, Subject: id.Subject, Name: c.Name, At: seconds(*c.AuthTime), SessionID: c.SessionID}
	if len(raw) <= maxHint {
		who.IDToken = raw
	}
	if !p.shown(c) {
		return who, Refuse(NoSecond, fmt.Sprintf("The provider did not say that you showed a second factor: its token has amr %s and acr %s, and one of %s is wanted. "+
			"Set up a second factor there, or ask those who run it to demand one for this application.", quoted(c.Methods), quoted([]string{c.Class}), quoted(p.SecondFactor)))
	}
	return p.named(id, who)
}

// verify is a token of the provider's for this client: signature, issuer and
// audience. Times are the caller's to look at.
func (p *Provider) verify(ctx context.Context, d *discovered, raw string) (*oidc.IDToken, error) {
	id, err := d.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithms(), SkipExpiryCheck: true, Now: p.Now}).Verify(oidc.ClientContext(ctx, d.client), raw)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, refusedFor(BadToken, "The provider's token is not to be believed: it is not signed by the provider, or not for this server. "+beginAgain, err, raw, p.ClientSecret)
	}
	return id, nil
}

// problem is what is wrong with a token whose signature, issuer and audience are
// right; or nothing.
func (p *Provider) problem(id *oidc.IDToken, c claims, access string, f Flow) string {
	now := p.Now()
	switch {
	case id.Subject == "" || len(id.Subject) > 255 || strings.ContainsFunc(id.Subject, func(r rune) bool { return r < ' ' || r > '~' }):
		return "it names nobody, or not as a subject is written"
	case c.Party != "" && c.Party != p.ClientID, c.Party == "" && len(id.Audience) > 1:
		return "it was issued to another client"
	case !id.Expiry.After(now.Add(-leeway)):
		return "it has expired"
	case id.IssuedAt.IsZero() || id.IssuedAt.After(now.Add(leeway)) || id.IssuedAt.Before(f.Began.Add(-leeway)):
		return "it was not issued during this sign-in; are the clocks right?"
	case c.NotBefore != nil && seconds(*c.NotBefore).After(now.Add(leeway)):
		return "it is not valid yet"
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return "it does not belong to this sign-in"
	case id.AccessTokenHash != "" && id.VerifyAccessToken(access) != nil:
		return "it belongs to another access token"
	case len(c.SessionID) > 255:
		return "its session id is too long"
	}
	return ""
}

// recent holds when somebody signed in at the provider against what was asked.
func (p *Provider) recent(c claims, f Flow) error {
	if c.AuthTime == nil {
		return Refuse(TooOld, "The provider does not say when you signed in there (auth_time), though it was asked to. Those who run it have to add that claim to this application's ID tokens.")
	}
	at, now := seconds(*c.AuthTime), p.Now()
	earliest := now.Add(-maxSignIn)
	if f.Session != "" {
		earliest = f.Began
	}
	if at.Before(earliest.Add(-leeway)) || at.After(now.Add(leeway)) {
		return Refuse(TooOld, "You have not just signed in at the provider: it says that you did at "+at.UTC().Format("2006-01-02 15:04:05")+" UTC. Sign out there, then begin again.")
	}
	return nil
}

// shown: the provider says that one of the wanted factors was.
func (p *Provider) shown(c claims) bool {
	return p.trusts() || slices.ContainsFunc(p.SecondFactor, func(want string) bool { return c.Class == want || slices.Contains(c.Methods, want) })
}

// named adds who somebody is here: login, name and role.
func (p *Provider) named(id *oidc.IDToken, who Identity) (Identity, error) {
	var all map[string]json.RawMessage
	if err := id.Claims(&all); err != nil {
		return who, Refuse(BadToken, "The provider's ID token has no claims.")
	}
	if json.Unmarshal(all[p.LoginClaim], &who.Login) != nil || who.Login == "" {
		return who, Refuse(BadClaims, "The provider's token has no claim "+p.LoginClaim+" with your login in it. Those who run it have to add it to this application's ID tokens, or this server's --sso-login-claim names another.")
	}
	groups, err := groupsIn(all[p.GroupsClaim])
	if err != nil {
		return who, Refuse(BadClaims, "The claim "+p.GroupsClaim+" of the provider's token is not usable: "+err.Error()+".")
	}
	rule, found := mapped(p.Rules, groups)
	if !found && all[p.GroupsClaim] == nil {
		return who, Refuse(NoRole, "The provider's token has no claim "+p.GroupsClaim+", so you have no role here. Those who run it have to add your groups to this application's ID tokens.")
	}
	if !found {
		return who, Refuse(NoRole, "None of your groups at the provider has a role here. Ask to be added to one that has.")
	}
	who.Role, who.Scope, who.Group = rule.Role, rule.Scope, rule.Group
	return who, nil
}

// groupsIn are the groups of a claim, which may be missing.
func groupsIn(raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	var groups texts
	if err := json.Unmarshal(raw, &groups); err != nil {
		return nil, errors.New("want a text or a list of texts")
	}
	if len(groups) > maxGroups {
		return nil, fmt.Errorf("%d groups, at most %d", len(groups), maxGroups)
	}
	return groups, nil
}

func seconds(s float64) time.Time {
	// What is no time becomes one that nothing is near to.
	if s < 0 || s > 1<<40 || s != s {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}

// quoted are values of the provider's for a page.
func quoted(values []string) string {
	out := make([]string, 0, 10)
	for _, v := range values[:min(len(values), 10)] {
		if v != "" {
			out = append(out, fmt.Sprintf("%q", legible(v)))
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
