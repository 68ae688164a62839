package directauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Grant types of a first factor. Those of a second are ChallengeTypes.
const (
	grantPassword = "password"
	grantOTP      = "urn:okta:params:oauth:grant-type:otp"
	grantOOB      = "urn:okta:params:oauth:grant-type:oob"
	grantWebAuthn = "urn:okta:params:oauth:grant-type:webauthn"
)

// ChallengeType is a kind of second factor, as the API spells it.
type ChallengeType string

// Challenge types. The one for WebAuthn stands in Okta's SDKs only, not in its
// description of the API.
const (
	ChallengeOTP      ChallengeType = "http://auth0.com/oauth/grant-type/mfa-otp"
	ChallengeOOB      ChallengeType = "http://auth0.com/oauth/grant-type/mfa-oob"
	ChallengeWebAuthn ChallengeType = "urn:okta:params:oauth:grant-type:mfa-webauthn"
)

// supported are the second factors that this client can go on with.
func supported() string { return joined(everyType()) }

func everyType() []ChallengeType {
	return []ChallengeType{ChallengeOTP, ChallengeOOB, ChallengeWebAuthn}
}

func joined(types []ChallengeType) string {
	text := make([]string, len(types))
	for i, t := range types {
		text[i] = string(t)
	}
	return strings.Join(text, " ")
}

// challengeTypes reads a list of the org's; types that are unknown here are
// kept.
func challengeTypes(text string) (types []ChallengeType) {
	for _, t := range strings.Fields(text) {
		if printable(t) && len(types) < 16 {
			types = append(types, ChallengeType(t))
		}
	}
	return types
}

// OTP signs a user in with a one-time code as the first factor. user is as for
// Push, code has 1 to 64 bytes. It is one attempt, and is never repeated.
//
// Errors: ErrInvalidCredentials for a wrong code; *MFARequired; ErrRateLimited;
// ErrNotAssigned, ErrNotEnrolled, ErrClient and other *Error; *Unreachable, after
// which the code may have been used; ErrIDToken and ErrAnswer; *InputError.
func (c *Client) OTP(ctx context.Context, user, code string) (Tokens, error) {
	if err := firstOf(checkUser(user), plain("code", code, 64)); err != nil {
		return Tokens{}, err
	}
	return c.token(ctx, grantOTP, url.Values{"login_hint": {user}, "otp": {code}})
}

// Password signs a user in with a password as the first factor. user is as for
// Push, password has 1 to 1024 bytes. It is one attempt, and is never repeated.
//
// Errors: *MFARequired, which most orgs answer to a right password; else as for
// OTP.
func (c *Client) Password(ctx context.Context, user, password string) (Tokens, error) {
	if err := checkUser(user); err != nil {
		return Tokens{}, err
	}
	if password == "" || len(password) > 1024 {
		return Tokens{}, &InputError{"password", "must have 1 to 1024 bytes"}
	}
	return c.token(ctx, grantPassword, url.Values{"username": {user}, "password": {password}})
}

// AnswerOTP hands in a one-time code as the second factor. Challenge need not
// have been asked before. It is one attempt, and is never repeated.
//
// Errors: as for OTP, and ErrExpired.
func (c *Client) AnswerOTP(ctx context.Context, mfaToken, code string) (Tokens, error) {
	if err := firstOf(plain("mfaToken", mfaToken, maxHandle), plain("code", code, 64)); err != nil {
		return Tokens{}, err
	}
	return c.token(ctx, string(ChallengeOTP), url.Values{"mfa_token": {mfaToken}, "otp": {code}})
}

// Challenged is the second factor that the org chose. Type says which of the
// other fields is set; for an OTP there is none, and AnswerOTP is next.
type Challenged struct {
	Type     ChallengeType
	OOB      OOB               // for Await
	WebAuthn WebAuthnChallenge // for AnswerWebAuthn
}

// Challenge asks for a second factor, of one of the types; without any, of all
// that this client knows. An out-of-band challenge is a push.
//
// Errors: ErrExpired; ErrRateLimited; ErrNotEnrolled, ErrClient and other
// *Error; *Unreachable; ErrAnswer; *InputError.
func (c *Client) Challenge(ctx context.Context, mfaToken string, types ...ChallengeType) (Challenged, error) {
	if len(types) == 0 {
		types = everyType()
	}
	return c.challenge(ctx, mfaToken, types, ChannelPush)
}

// ChallengeOutOfBand asks for a second factor by a channel. What comes by SMS
// or voice is typed here, and goes to Prompted. Errors: as for Challenge.
func (c *Client) ChallengeOutOfBand(ctx context.Context, mfaToken, channel string) (OOB, error) {
	if err := checkChannel(channel); err != nil {
		return OOB{}, err
	}
	challenged, err := c.challenge(ctx, mfaToken, []ChallengeType{ChallengeOOB}, channel)
	return challenged.OOB, err
}

func (c *Client) challenge(ctx context.Context, mfaToken string, types []ChallengeType, channel string) (Challenged, error) {
	if err := plain("mfaToken", mfaToken, maxHandle); err != nil {
		return Challenged{}, err
	}
	for _, t := range types {
		if !slices.Contains(everyType(), t) {
			return Challenged{}, &InputError{"types", "has one that this client does not know"}
		}
	}
	form := url.Values{"mfa_token": {mfaToken}, "challenge_types_supported": {joined(types)}}
	if slices.Contains(types, ChallengeOOB) {
		form.Set("channel_hint", channel)
	}
	body, err := c.post(ctx, "/challenge", form, asking, unheard)
	if err != nil {
		return Challenged{}, err
	}
	out, err := c.readChallenged(body, types, channel)
	out.OOB.MFAToken, out.WebAuthn.MFAToken = mfaToken, mfaToken
	if err != nil {
		return Challenged{}, err
	}
	return out, nil
}

// readChallenged reads the answer to a request for one of the types. Its type
// is spelled in camel case with WebAuthn, and in snake case else.
func (c *Client) readChallenged(body []byte, asked []ChallengeType, channel string) (Challenged, error) {
	var in struct {
		Snake ChallengeType `json:"challenge_type"`
		Camel ChallengeType `json:"challengeType"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Challenged{}, fmt.Errorf("read the challenge: %w", malformed(err))
	}
	out := Challenged{Type: in.Snake}
	if out.Type == "" {
		out.Type = in.Camel
	}
	if !slices.Contains(asked, out.Type) {
		return Challenged{}, fmt.Errorf("read the challenge: %w: its type is none of those asked for", ErrAnswer)
	}
	var err error
	switch out.Type {
	case ChallengeOOB:
		out.OOB, err = readOOB(body, channel)
	case ChallengeWebAuthn:
		out.WebAuthn, err = readWebAuthn(body, c.host)
	}
	return out, err
}
