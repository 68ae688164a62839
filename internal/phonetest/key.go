package phonetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/descope/virtualwebauthn"
)

// Signed is what a security key answers at a Mac.
type Signed struct {
	AuthenticatorData, ClientDataJSON, Signature, UserHandle []byte
}

// Sign answers a challenge, with the next counter.
func (p *Phone) Sign(challenge []byte) (Signed, error) {
	p.Credential.Counter++
	answer := virtualwebauthn.CreateAssertionResponse(p.Site, p.Authenticator, p.Credential, virtualwebauthn.AssertionOptions{Challenge: challenge, RelyingPartyID: p.Site.ID})
	var in struct {
		Response struct{ AuthenticatorData, ClientDataJSON, Signature, UserHandle string }
	}
	if err := json.Unmarshal([]byte(answer), &in); err != nil {
		return Signed{}, fmt.Errorf("read what the key has signed: %w", err)
	}
	var out Signed
	for text, into := range map[*string]*[]byte{&in.Response.AuthenticatorData: &out.AuthenticatorData, &in.Response.ClientDataJSON: &out.ClientDataJSON,
		&in.Response.Signature: &out.Signature, &in.Response.UserHandle: &out.UserHandle} {
		raw, err := base64.RawURLEncoding.DecodeString(*text)
		if err != nil {
			return Signed{}, fmt.Errorf("read what the key has signed: %w", err)
		}
		*into = raw
	}
	return out, nil
}
