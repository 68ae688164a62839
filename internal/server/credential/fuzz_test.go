package credential

import (
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/webauthn"
)

// FuzzAnswer: an answer is read or refused, and what was read comes from a
// short text; whatever it is, it proves nothing by itself.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Add([]byte(strings.Repeat("[", 1000)))
	p, err := NewParty("https://mfa.example.com")
	if err != nil {
		f.Fatal(err)
	}
	h := Holder{ID: "usr1", Login: "amy@example.com"}
	_, kept, err := p.BeginPhone(h)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if id, err := AnswerID(raw); err == nil && (len(id) == 0 || len(raw) > MaxAnswer) {
			t.Errorf("%x", id)
		}
		if _, err := p.Create(h, kept, raw); err == nil {
			t.Error("a credential out of nothing")
		}
		if _, err := p.Unlock(h, kept, raw); err == nil {
			t.Error("unlocked by nothing")
		}
	})
}

// FuzzAssertion: what a Mac sends in three fields is read or refused.
func FuzzAssertion(f *testing.F) {
	f.Add([]byte(`{"type":"webauthn.get","challenge":"AAAA","origin":"https://mfa.example.com"}`), []byte("x"), []byte("y"), []byte("z"))
	f.Add([]byte(`{"challenge":`), []byte(nil), []byte(nil), []byte(nil))
	p, err := NewParty("https://mfa.example.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, client, data, signature, handle []byte) {
		a := Assertion{AuthenticatorData: data, ClientDataJSON: client, Signature: signature, UserHandle: handle}
		challenge, err := a.Challenge()
		if (err == nil) != (challenge != "") || len(challenge) > 2*challengeSize {
			t.Errorf("%q %v", challenge, err)
		}
		answer, err := a.of([]byte("id"))
		if err != nil {
			return
		}
		if _, err := p.check(p.mac, Holder{ID: "usr1"}, webauthn.SessionData{Challenge: challenge}, answer); err == nil {
			t.Error("proven by nothing")
		}
	})
}

// FuzzDecode: what is stored is read or refused.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","publicKey":"AAAA","authenticator":{"signCount":3}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := Decode(raw); err == nil {
			if _, err := c.Encode(); err != nil {
				t.Error(err)
			}
		}
		_, _ = Ceremony(raw).data()
	})
}
