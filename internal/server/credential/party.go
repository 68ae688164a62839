package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// What a caller of this package decides on. Each is a refusal.
var (
	// ErrNoParty is a server without a name that browsers take for passkeys: an
	// address, or a name without a domain that is not localhost.
	ErrNoParty = errors.New("passkeys and security keys need a server with a name, not an address")
	// ErrUnreadable is an answer that is malformed, or longer than MaxAnswer.
	ErrUnreadable = errors.New("the answer cannot be read")
	// ErrOrigin is an answer that was made for another site.
	ErrOrigin = errors.New("the answer is of another origin")
	// ErrParty is an answer for another relying party id.
	ErrParty = errors.New("the answer is for another relying party id")
	// ErrNotVerified is a key that was touched, but knows of no PIN or finger.
	ErrNotVerified = errors.New("the person was not verified by PIN or biometrics")
	// ErrForeign is a credential that is none of those asked for.
	ErrForeign = errors.New("the credential is none of those asked for")
	// ErrWrong is any other answer that is not right.
	ErrWrong = errors.New("the answer is not right")
	// ErrCounterBack is a right signature whose counter is not above the last
	// one: two have the key. The credential must not be used again.
	ErrCounterBack = errors.New("the counter of the credential went back")
)

// MaxAnswer bounds what is read of a browser's answer, in bytes.
const MaxAnswer = 64 << 10

const displayName = "Latchkey"

// Party is the server as authenticators know it. The nil one is a server without
// a name: it has no operation that works.
type Party struct {
	id      string
	browser *webauthn.WebAuthn // the pages of this server alone
	mac     *webauthn.WebAuthn // these, and a Mac at its login window
}

// NewParty is the party of a public URL; nil where browsers have none, which is
// no error.
func NewParty(public string) (*Party, error) {
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("prepare passkeys for %q: want a URL that starts with https:// and names a host", public)
	}
	p := &Party{id: strings.ToLower(u.Hostname())}
	if protocol.ValidateRPID(p.id) != nil {
		return nil, nil
	}
	own, bare := "https://"+strings.ToLower(u.Host), "https://"+p.id
	if p.browser, err = webauthn.New(config(p.id, own)); err == nil {
		p.mac, err = webauthn.New(config(p.id, own, bare))
	}
	if err != nil {
		return nil, fmt.Errorf("prepare passkeys for %q: %w", public, err)
	}
	return p, nil
}

func config(id string, origins ...string) *webauthn.Config {
	return &webauthn.Config{RPID: id, RPDisplayName: displayName, RPOrigins: origins, AttestationPreference: protocol.PreferNoAttestation}
}

// ID is the relying party id: the host of the server's URL.
func (p *Party) ID() string { return p.id }

// Holder is whose credentials they are.
type Holder struct {
	ID, Login, Name string
	Has             []Credential
}

// WebAuthnID and the methods below are what the library asks of a user.
func (h Holder) WebAuthnID() []byte { return []byte(h.ID) }

// WebAuthnName is the login.
func (h Holder) WebAuthnName() string { return h.Login }

// WebAuthnDisplayName is the name of the person.
func (h Holder) WebAuthnDisplayName() string { return h.Name }

// WebAuthnCredentials are those that the person has.
func (h Holder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, 0, len(h.Has))
	for _, c := range h.Has {
		out = append(out, c.held)
	}
	return out
}

// Credential is a public key with its id and its counter. It holds no secret.
type Credential struct{ held webauthn.Credential }

// ID is what the authenticator named it.
func (c Credential) ID() []byte { return c.held.ID }

// Model is the AAGUID of the authenticator, 16 bytes; none where it did not say.
func (c Credential) Model() []byte { return c.held.Authenticator.AAGUID }

// Encode is the credential to be stored.
func (c Credential) Encode() ([]byte, error) {
	c.held.Attestation = webauthn.CredentialAttestation{} // was not asked for
	raw, err := json.Marshal(c.held)
	if err != nil {
		return nil, fmt.Errorf("encode a credential: %w", err)
	}
	return raw, nil
}

// Decode is the inverse of Encode.
func Decode(raw []byte) (c Credential, err error) {
	if err := json.Unmarshal(raw, &c.held); err != nil {
		return c, fmt.Errorf("read a stored credential: %w", err)
	}
	return c, nil
}

// Ceremony is what is kept between a question to a browser and its answer. It
// holds the challenge: seal it.
type Ceremony []byte

func begun(options any, data *webauthn.SessionData, err error) ([]byte, Ceremony, error) {
	if err != nil {
		return nil, nil, fmt.Errorf("make a challenge: %w", err)
	}
	asked, err := json.Marshal(options)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a challenge's options: %w", err)
	}
	kept, err := json.Marshal(data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a challenge: %w", err)
	}
	return asked, kept, nil
}

func (c Ceremony) data() (d webauthn.SessionData, err error) {
	if err := json.Unmarshal(c, &d); err != nil {
		return d, fmt.Errorf("read a challenge: %w", err)
	}
	return d, nil
}
