package directauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Tokens are what a sign-in yields. They print as a placeholder; their fields
// are the only way to see them.
type Tokens struct {
	AccessToken, IDToken, RefreshToken string
	TokenType                          string        // "Bearer"
	ExpiresIn                          time.Duration // of the access token; 0 if the org did not say
	Scopes                             []string      // granted
	Claims                             Claims        // of the ID token, verified; empty without one
}

// Claims are what an ID token that was verified says. What the org left out is
// empty.
type Claims struct {
	Subject           string // the org's id of the person; never empty in an ID token
	PreferredUsername string
	Email             string
	Name              string
	IssuedAt, Expires time.Time
	AMR               []string // how the person signed in, RFC 8176
	Nonce             string
}

// maxHandle bounds codes and tokens that an org hands out and gets back, in
// bytes.
const maxHandle = 4096

// goodHandle: a code or token of the org's that can be sent back.
func goodHandle(text string) bool { return text != "" && len(text) <= maxHandle && printable(text) }

// token asks /token for tokens, by a grant that carries a guess.
func (c *Client) token(ctx context.Context, grant string, form url.Values) (Tokens, error) {
	body, nonce, err := c.grant(ctx, grant, form, guessing)
	if err != nil {
		return Tokens{}, err
	}
	return c.accept(ctx, body, nonce)
}

// grant is one request to /token, with a nonce of its own.
func (c *Client) grant(ctx context.Context, grant string, form url.Values, stage stage) (body []byte, nonce string, err error) {
	nonce = rand.Text()
	form.Set("grant_type", grant)
	form.Set("scope", strings.Join(c.scopes, " "))
	form.Set("nonce", nonce)
	if !form.Has("mfa_token") {
		form.Set("grant_types_supported", supported())
	}
	body, err = c.post(ctx, "/token", form, stage, never)
	return body, nonce, err
}

// accept reads tokens and verifies the ID token among them.
func (c *Client) accept(ctx context.Context, body []byte, nonce string) (Tokens, error) {
	t, err := readTokens(body)
	if err != nil {
		return Tokens{}, fmt.Errorf("read the tokens: %w", err)
	}
	switch {
	case t.IDToken != "":
		if t.Claims, err = c.verify(ctx, t, nonce); err != nil {
			return Tokens{}, fmt.Errorf("verify the ID token: %w", err)
		}
	case slices.Contains(c.scopes, "openid"):
		return Tokens{}, fmt.Errorf("verify the ID token: %w: there is none, though the scope openid was asked for", ErrIDToken)
	}
	return t, nil
}

func readTokens(body []byte) (Tokens, error) {
	var in struct {
		Access  string  `json:"access_token"`
		ID      string  `json:"id_token"`
		Refresh string  `json:"refresh_token"`
		Type    string  `json:"token_type"`
		Expires seconds `json:"expires_in"`
		Scope   string  `json:"scope"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Tokens{}, malformed(err)
	}
	switch {
	case in.Access == "":
		return Tokens{}, fmt.Errorf("%w: there is no access_token", ErrAnswer)
	case !strings.EqualFold(in.Type, "Bearer"):
		return Tokens{}, fmt.Errorf("%w: token_type is not Bearer", ErrAnswer)
	case !printable(in.Access + in.Refresh + in.Scope):
		return Tokens{}, fmt.Errorf("%w: a token has control characters", ErrAnswer)
	}
	return Tokens{AccessToken: in.Access, IDToken: in.ID, RefreshToken: in.Refresh, TokenType: "Bearer",
		ExpiresIn: in.Expires.duration(), Scopes: strings.Fields(in.Scope)}, nil
}

// seconds is a number of them in JSON. A fraction is dropped.
type seconds float64

// duration is bounded to a year, and to 0 below: whoever needs a length says
// so.
func (s seconds) duration() time.Duration {
	return time.Duration(min(max(s, 0), 365*24*3600)) * time.Second
}

// malformed names what encoding/json found without the values that it found.
func malformed(err error) error {
	var typed *json.UnmarshalTypeError
	switch {
	case errors.Is(err, ErrAnswer):
		return err
	case errors.As(err, &typed):
		return fmt.Errorf("%w: %s has another type", ErrAnswer, legible(typed.Field, nil))
	}
	return fmt.Errorf("%w: not the JSON of one", ErrAnswer)
}
