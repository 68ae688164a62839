package directauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// ErrIDToken: the ID token is missing or must not be believed. Nobody has
// signed in.
var ErrIDToken = errors.New("not an ID token to believe")

// leeway is how far the org's clock may be from Config.Now.
const leeway = 2 * time.Minute

// algorithms that ID tokens may be signed with. Never none, and none with a
// shared key: whoever has the app's secret could make tokens.
func algorithms() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.RS256, jose.ES256} }

// verify holds an ID token against OpenID Connect Core §3.1.3.7.
func (c *Client) verify(ctx context.Context, t Tokens, nonce string) (Claims, error) {
	signed, err := jose.ParseSignedCompact(t.IDToken, algorithms())
	if err != nil {
		return Claims{}, fmt.Errorf("%w: it is not signed with RS256 or ES256", ErrIDToken)
	}
	header := signed.Signatures[0].Header
	keys, err := c.publicKeys(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		return Claims{}, err
	}
	// Times are looked at below: this verifier has no leeway for the end, and
	// five minutes for the beginning.
	verifier := oidc.NewVerifier(c.issuer, &oidc.StaticKeySet{PublicKeys: keys},
		&oidc.Config{ClientID: c.id, SupportedSigningAlgs: []string{header.Algorithm}, SkipExpiryCheck: true, Now: c.now})
	id, err := verifier.Verify(ctx, t.IDToken)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %s", ErrIDToken, legible(err.Error(), []string{t.IDToken}))
	}
	return c.believe(id, t.AccessToken, nonce)
}

// claimed are the claims that go-oidc does not look at.
type claimed struct {
	PreferredUsername string   `json:"preferred_username"`
	Email             string   `json:"email"`
	Name              string   `json:"name"`
	AMR               []string `json:"amr"`
	Party             string   `json:"azp"`
	NotBefore         *float64 `json:"nbf"`
}

// believe holds the claims of an ID token, whose signature, issuer and audience
// are right, against the request and the time.
func (c *Client) believe(id *oidc.IDToken, accessToken, nonce string) (Claims, error) {
	var more claimed
	if err := id.Claims(&more); err != nil {
		return Claims{}, fmt.Errorf("%w: its claims are not what OpenID Connect says", ErrIDToken)
	}
	now := c.now()
	problem := ""
	switch {
	case id.Subject == "":
		problem = "it names nobody"
	case more.Party != "" && more.Party != c.id, more.Party == "" && len(id.Audience) > 1:
		problem = "it was issued to another app"
	case !id.Expiry.After(now.Add(-leeway)):
		problem = "it has expired"
	case id.IssuedAt.IsZero() || id.IssuedAt.After(now.Add(leeway)):
		problem = "it has no time of issue, or one that is still to come"
	case more.NotBefore != nil && time.Unix(int64(*more.NotBefore), 0).After(now.Add(leeway)):
		problem = "it is not valid yet"
	case id.Nonce != nonce && (id.Nonce != "" || c.nonce):
		problem = "it does not carry the nonce of this request"
	case id.AccessTokenHash != "" && id.VerifyAccessToken(accessToken) != nil:
		problem = "it belongs to another access token"
	}
	if problem != "" {
		return Claims{}, fmt.Errorf("%w: %s", ErrIDToken, problem)
	}
	return Claims{Subject: id.Subject, PreferredUsername: more.PreferredUsername, Email: more.Email, Name: more.Name,
		IssuedAt: id.IssuedAt, Expires: id.Expiry, AMR: slices.Clone(more.AMR), Nonce: id.Nonce}, nil
}
