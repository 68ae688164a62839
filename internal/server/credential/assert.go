package credential

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

func hashed(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

// BeginUnlock is what the browser of a phone is to be given to show that its
// owner is there (navigator.credentials.get), as JSON. The holder has the
// phone's credential alone.
func (p *Party) BeginUnlock(h Holder) (options []byte, kept Ceremony, err error) {
	if p == nil {
		return nil, nil, ErrNoParty
	}
	asked, data, err := p.browser.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationRequired))
	return begun(asked, data, err)
}

// Unlock takes the browser's answer to BeginUnlock, and returns the credential
// with its new counter. Errors: ErrNoParty, ErrUnreadable, ErrForeign, ErrOrigin,
// ErrParty, ErrNotVerified, ErrCounterBack, ErrWrong.
func (p *Party) Unlock(h Holder, kept Ceremony, response []byte) (Credential, error) {
	if p == nil {
		return Credential{}, ErrNoParty
	}
	data, err := kept.data()
	if err != nil {
		return Credential{}, err
	}
	answer, err := parseAssertion(response)
	if err != nil {
		return Credential{}, err
	}
	return p.check(p.browser, h, data, answer)
}

// AnswerID is the id of the credential that a browser answered with, unchecked:
// it may name another's. The error is ErrUnreadable.
func AnswerID(response []byte) ([]byte, error) {
	answer, err := parseAssertion(response)
	if err != nil {
		return nil, err
	}
	return answer.RawID, nil
}

// check is the library's check with our names for what is wrong.
func (p *Party) check(at *webauthn.WebAuthn, h Holder, data webauthn.SessionData, answer *protocol.ParsedCredentialAssertionData) (Credential, error) {
	known := false
	for _, c := range h.Has {
		known = known || bytes.Equal(c.ID(), answer.RawID)
	}
	if !known {
		return Credential{}, ErrForeign
	}
	used, err := at.ValidateLogin(h, data, answer)
	if err != nil {
		return Credential{}, errors.Join(p.blame(at, answer.Response.CollectedClientData, answer.Response.AuthenticatorData, data.UserVerification), err)
	}
	if used.Authenticator.CloneWarning {
		return Credential{*used}, ErrCounterBack
	}
	return Credential{*used}, nil
}

// challengeSize of a challenge that this package makes, in bytes (WebAuthn
// Level 3 §13.4.3 asks for 16 at least).
const challengeSize = 32

// NewChallenge is one for a security key at a Mac, in base64url.
func NewChallenge() string {
	raw := make([]byte, challengeSize)
	// crypto/rand never fails on the supported systems: it ends the program.
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Assertion is what a security key answered, with what it signed over.
type Assertion struct {
	AuthenticatorData, ClientDataJSON, Signature []byte
	UserHandle                                   []byte // none is usual
}

// Challenge is the challenge that an answer says it is to, in base64url: for
// the caller to look up. The error is ErrUnreadable.
func (a Assertion) Challenge() (string, error) {
	var said struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(a.ClientDataJSON, &said); err != nil || said.Challenge == "" || len(said.Challenge) > 2*challengeSize {
		return "", ErrUnreadable
	}
	return said.Challenge, nil
}

// Prove takes a security key's answer to a challenge that was looked up: by any
// of the holder's keys, as the answer does not name one. It returns the key with
// its new counter, also with ErrCounterBack. Errors: as of Unlock.
func (p *Party) Prove(h Holder, challenge string, a Assertion, verify bool) (Credential, error) {
	if p == nil {
		return Credential{}, ErrNoParty
	}
	data := webauthn.SessionData{Challenge: challenge, UserID: h.WebAuthnID(), UserVerification: verification(verify)}
	wrong := error(ErrForeign)
	for _, c := range h.Has {
		answer, err := a.of(c.ID())
		if err != nil {
			return Credential{}, err
		}
		used, err := p.check(p.mac, h, data, answer)
		if err == nil || errors.Is(err, ErrCounterBack) {
			return used, err
		}
		wrong = err
	}
	return Credential{}, wrong
}

// of is the assertion as one of a certain credential.
func (a Assertion) of(id []byte) (*protocol.ParsedCredentialAssertionData, error) {
	var r protocol.CredentialAssertionResponse
	r.ID, r.Type, r.RawID = base64.RawURLEncoding.EncodeToString(id), "public-key", id
	r.AssertionResponse.ClientDataJSON, r.AssertionResponse.AuthenticatorData = a.ClientDataJSON, a.AuthenticatorData
	r.AssertionResponse.Signature, r.AssertionResponse.UserHandle = a.Signature, a.UserHandle
	answer, err := r.Parse()
	if err != nil {
		return nil, errors.Join(ErrUnreadable, err)
	}
	return answer, nil
}
