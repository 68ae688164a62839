package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/credential"
)

const public = "https://mfa.example.com:8443"

// device is an authenticator, played by a library that signs as one does.
type device struct {
	t    *testing.T
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

func newDevice(t *testing.T) *device {
	d := &device{t: t, site: virtualwebauthn.RelyingParty{ID: "mfa.example.com", Origin: public}, auth: virtualwebauthn.NewAuthenticator()}
	const whole = 77 // bytes of a COSE key whose coordinates are whole
	for d.cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(d.cred.Key.AttestationData()) != whole; {
		d.cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return d
}

func party(t *testing.T) *credential.Party {
	t.Helper()
	p, err := credential.NewParty(public)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func amy(has ...credential.Credential) credential.Holder {
	return credential.Holder{ID: "usr1", Login: "amy@example.com", Name: "Amy", Has: has}
}

func (d *device) creates(options []byte) []byte {
	d.t.Helper()
	read, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		d.t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAttestationResponse(d.site, d.auth, d.cred, *read))
}

// signs a challenge, as a security key at a Mac.
func (d *device) signs(challenge string) credential.Assertion {
	d.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil {
		d.t.Fatal(err)
	}
	d.cred.Counter++
	var in struct {
		Response struct{ AuthenticatorData, ClientDataJSON, Signature string }
	}
	answer := virtualwebauthn.CreateAssertionResponse(d.site, d.auth, d.cred, virtualwebauthn.AssertionOptions{Challenge: raw, RelyingPartyID: d.site.ID})
	if err := json.Unmarshal([]byte(answer), &in); err != nil {
		d.t.Fatal(err)
	}
	plain := func(text string) []byte { out, _ := base64.RawURLEncoding.DecodeString(text); return out }
	return credential.Assertion{AuthenticatorData: plain(in.Response.AuthenticatorData), ClientDataJSON: plain(in.Response.ClientDataJSON), Signature: plain(in.Response.Signature)}
}

func (d *device) registered(p *credential.Party) credential.Credential {
	d.t.Helper()
	options, kept, err := p.BeginKey(amy(), false)
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := p.Create(amy(), kept, d.creates(options))
	if err != nil {
		d.t.Fatal(err)
	}
	// As it comes out of the database.
	raw, err := c.Encode()
	if err == nil {
		c, err = credential.Decode(raw)
	}
	if err != nil || !slices.Equal(c.ID(), d.cred.ID) {
		d.t.Fatalf("%x %v", c.ID(), err)
	}
	return c
}

// TestWhereKeysAreFrom: a Mac's login window is no page of this server, and its
// daemon writes the server's name alone; a page of another port is another site.
func TestWhereKeysAreFrom(t *testing.T) {
	p := party(t)
	for origin, want := range map[string]error{public: nil, "https://mfa.example.com": nil, "https://mfa.example.com:9443": credential.ErrOrigin,
		"http://mfa.example.com": credential.ErrOrigin, "https://example.com": credential.ErrOrigin, "": credential.ErrOrigin} {
		d := newDevice(t)
		c := d.registered(p)
		d.site.Origin = origin
		challenge := credential.NewChallenge()
		if _, err := p.Prove(amy(c), challenge, d.signs(challenge), false); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%q: %v, want %v", origin, err, want)
		}
		options, kept, err := p.BeginKey(amy(), false)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil && origin != public {
			want = credential.ErrOrigin // a page has the server's whole address
		}
		if _, err := p.Create(amy(), kept, newDeviceAt(t, origin).creates(options)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("created at %q: %v, want %v", origin, err, want)
		}
	}
}

func newDeviceAt(t *testing.T, origin string) *device {
	d := newDevice(t)
	d.site.Origin = origin
	return d
}

func TestWhatIsAsked(t *testing.T) {
	p := party(t)
	c := newDevice(t).registered(p)
	type options struct {
		PublicKey struct {
			Attestation            string
			AuthenticatorSelection struct{ AuthenticatorAttachment, ResidentKey, UserVerification string }
			ExcludeCredentials     []struct{ ID string }
			AllowCredentials       []struct{ ID string }
			UserVerification       string
		}
	}
	read := func(raw []byte, _ credential.Ceremony, err error) (o options) {
		t.Helper()
		if err == nil {
			err = json.Unmarshal(raw, &o)
		}
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	id := base64.RawURLEncoding.EncodeToString(c.ID())
	if o := read(p.BeginPhone(amy(c))).PublicKey; o.AuthenticatorSelection.AuthenticatorAttachment != "platform" || o.AuthenticatorSelection.ResidentKey != "required" ||
		o.AuthenticatorSelection.UserVerification != "required" || len(o.ExcludeCredentials) != 1 || o.ExcludeCredentials[0].ID != id {
		t.Errorf("a phone: %+v", o)
	}
	if o := read(p.BeginKey(amy(c), false)).PublicKey; o.AuthenticatorSelection.AuthenticatorAttachment != "cross-platform" || o.AuthenticatorSelection.UserVerification != "preferred" || len(o.ExcludeCredentials) != 1 {
		t.Errorf("a key: %+v", o)
	}
	if o := read(p.BeginKey(amy(), true)).PublicKey; o.AuthenticatorSelection.UserVerification != "required" {
		t.Errorf("a key that verifies: %+v", o)
	}
	if o := read(p.BeginUnlock(amy(c))).PublicKey; o.UserVerification != "required" || len(o.AllowCredentials) != 1 || o.AllowCredentials[0].ID != id {
		t.Errorf("unlocking: %+v", o)
	}
}

// TestProve has several keys, of which the answer names none.
func TestProve(t *testing.T) {
	p := party(t)
	one, two, other := newDevice(t), newDevice(t), newDevice(t)
	has := []credential.Credential{one.registered(p), two.registered(p)}
	challenge := credential.NewChallenge()
	used, err := p.Prove(amy(has...), challenge, two.signs(challenge), true)
	if err != nil || !slices.Equal(used.ID(), two.cred.ID) {
		t.Fatalf("%x %v", used.ID(), err)
	}
	other.registered(p)
	if _, err := p.Prove(amy(has...), challenge, other.signs(challenge), false); !errors.Is(err, credential.ErrWrong) {
		t.Errorf("another's: %v", err)
	}
	if _, err := p.Prove(amy(has...), credential.NewChallenge(), two.signs(challenge), false); !errors.Is(err, credential.ErrWrong) {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := p.Prove(amy(), challenge, two.signs(challenge), false); !errors.Is(err, credential.ErrForeign) {
		t.Errorf("nobody's: %v", err)
	}
	two.cred.Counter = 0
	back, err := p.Prove(amy(has[0], used), challenge, two.signs(challenge), false)
	if !errors.Is(err, credential.ErrCounterBack) || !slices.Equal(back.ID(), two.cred.ID) {
		t.Errorf("a copy: %x %v", back.ID(), err)
	}
}

// TestNoParty: under an address there are no passkeys, and nothing panics.
func TestNoParty(t *testing.T) {
	for _, at := range []string{"https://127.0.0.1:8443", "https://[::1]:8443", "https://mfa:8443"} {
		p, err := credential.NewParty(at)
		if p != nil || err != nil {
			t.Fatalf("%s: %v %v", at, p, err)
		}
		_, _, err1 := p.BeginPhone(amy())
		_, _, err2 := p.BeginUnlock(amy())
		_, err3 := p.Create(amy(), nil, nil)
		_, err4 := p.Unlock(amy(), nil, nil)
		_, err5 := p.Prove(amy(), "", credential.Assertion{}, false)
		for i, err := range []error{err1, err2, err3, err4, err5} {
			if !errors.Is(err, credential.ErrNoParty) {
				t.Errorf("%s: %d: %v", at, i, err)
			}
		}
	}
	for _, at := range []string{"http://mfa.example.com", "mfa.example.com", "https://", "%"} {
		if _, err := credential.NewParty(at); err == nil {
			t.Errorf("%q was taken", at)
		}
	}
}
