package directauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// WebAuthnChallenge is what a security key or a passkey has to sign. It prints
// as a placeholder, as MFAToken is a secret.
type WebAuthnChallenge struct {
	Challenge        []byte        // 1 to 1024 bytes, decoded
	RPID             string        // the relying party's id: a host name. Compare it with the one that you enrolled for
	CredentialIDs    [][]byte      // those of the user, decoded; empty: any of the relying party's
	Timeout          time.Duration // what the org suggests; 0 if it does not; at most 10 min
	UserVerification string        // "required", "preferred" or "discouraged"; "preferred" if the org says nothing
	MFAToken         string        // set where a first factor went before
}

// Assertion is what a security key or a passkey answered, as bytes. It prints
// as a placeholder.
type Assertion struct {
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte
	UserHandle        []byte // nil if the authenticator gave none
}

// WebAuthn asks for a challenge as the first factor. user is as for Push.
//
// Errors: as for OutOfBand.
func (c *Client) WebAuthn(ctx context.Context, user string) (WebAuthnChallenge, error) {
	if err := checkUser(user); err != nil {
		return WebAuthnChallenge{}, err
	}
	form := url.Values{"login_hint": {user}, "challenge_hint": {grantWebAuthn}, "scope": {strings.Join(c.scopes, " ")}, "grant_types_supported": {supported()}}
	body, err := c.post(ctx, "/primary-authenticate", form, asking, always)
	if err != nil {
		return WebAuthnChallenge{}, err
	}
	return readWebAuthn(body, c.host)
}

// AnswerWebAuthn hands in an assertion: as the second factor if the challenge
// has an MFA token, else as the first. It is one attempt, and is never repeated.
//
// Errors: as for OTP, and ErrExpired.
func (c *Client) AnswerWebAuthn(ctx context.Context, challenge WebAuthnChallenge, a Assertion) (Tokens, error) {
	form, grant := url.Values{}, grantWebAuthn
	for _, part := range []struct {
		name     string
		value    []byte
		optional bool
	}{{"authenticatorData", a.AuthenticatorData, false}, {"clientDataJSON", a.ClientDataJSON, false}, {"signature", a.Signature, false}, {"userHandle", a.UserHandle, true}} {
		switch {
		case len(part.value) > 8192 || len(part.value) == 0 && !part.optional:
			return Tokens{}, &InputError{"Assertion." + strings.ToUpper(part.name[:1]) + part.name[1:], "must have 1 to 8192 bytes"}
		case len(part.value) > 0:
			form.Set(part.name, base64.RawURLEncoding.EncodeToString(part.value))
		}
	}
	if challenge.MFAToken != "" {
		if err := plain("WebAuthnChallenge.MFAToken", challenge.MFAToken, maxHandle); err != nil {
			return Tokens{}, err
		}
		form.Set("mfa_token", challenge.MFAToken)
		grant = string(ChallengeWebAuthn)
	}
	return c.token(ctx, grant, form)
}

// publicKey is WebAuthn's PublicKeyCredentialRequestOptions, as JSON.
type publicKey struct {
	Challenge base64url `json:"challenge"`
	RPID      string    `json:"rpId"`
	Allow     []struct {
		ID base64url `json:"id"`
	} `json:"allowCredentials"`
	Timeout          float64 `json:"timeout"` // ms
	UserVerification string  `json:"userVerification"`
	Extensions       struct {
		AppID string `json:"appid"`
	} `json:"extensions"`
}

// readWebAuthn reads a challenge. Where it names no relying party, it is the
// host of the U2F app id that keys were enrolled for, else the issuer's.
func readWebAuthn(body []byte, issuerHost string) (WebAuthnChallenge, error) {
	var in struct {
		Key publicKey `json:"publicKey"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return WebAuthnChallenge{}, fmt.Errorf("read the WebAuthn challenge: %w", malformed(err))
	}
	out := WebAuthnChallenge{Challenge: in.Key.Challenge, RPID: in.Key.party(issuerHost), UserVerification: in.Key.UserVerification,
		Timeout: time.Duration(min(max(in.Key.Timeout, 0), float64(maxExpiry/time.Millisecond))) * time.Millisecond}
	switch out.UserVerification {
	case "required", "preferred", "discouraged":
	default:
		out.UserVerification = "preferred" // what WebAuthn says of a value that is unknown
	}
	for _, credential := range in.Key.Allow {
		if len(credential.ID) > 0 {
			out.CredentialIDs = append(out.CredentialIDs, credential.ID)
		}
	}
	switch {
	case len(out.Challenge) == 0 || len(out.Challenge) > 1024:
		return WebAuthnChallenge{}, fmt.Errorf("read the WebAuthn challenge: %w: the challenge must have 1 to 1024 bytes", ErrAnswer)
	case len(out.RPID) > 253 || strings.ContainsAny(out.RPID, "/:@ ") || !printable(out.RPID):
		return WebAuthnChallenge{}, fmt.Errorf("read the WebAuthn challenge: %w: rpId is no host name", ErrAnswer)
	}
	return out, nil
}

func (k publicKey) party(issuerHost string) string {
	if k.RPID != "" {
		return k.RPID
	}
	if u, err := url.Parse(k.Extensions.AppID); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return issuerHost
}

// base64url is bytes as WebAuthn writes them in JSON, with or without padding.
type base64url []byte

// UnmarshalJSON refuses what is no base64url.
func (b *base64url) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("read base64url: %w", err)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return fmt.Errorf("%w: not base64url", ErrAnswer)
	}
	*b = decoded
	return nil
}
