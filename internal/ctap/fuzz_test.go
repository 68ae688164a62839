package ctap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// encoded is the CBOR of a test's value.
func encoded(tb testing.TB, value any) []byte {
	tb.Helper()
	raw, err := cbor.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// made is a new EC key, and its COSE_Key.
func made(tb testing.TB) (*ecdsa.PrivateKey, []byte) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return private, encoded(tb, map[int]any{1: 2, 3: ES256, -1: 1, -2: point[1:33], -3: point[33:]})
}

// signedData is authenticator data with flags, for "rp", and what follows.
func signedData(flags byte, counter uint32, rest ...[]byte) []byte {
	hash := sha256.Sum256([]byte("rp"))
	return slices.Concat(hash[:], []byte{flags, byte(counter >> 24), byte(counter >> 16), byte(counter >> 8), byte(counter)}, slices.Concat(rest...))
}

func attested(key []byte) []byte {
	return slices.Concat(make([]byte, 16), []byte{0, 3}, []byte("id1"), key)
}

func FuzzInfo(f *testing.F) {
	f.Add(encoded(f, map[int]any{1: []string{"FIDO_2_1"}, 3: make([]byte, 16), 4: map[string]bool{"clientPin": true, "uv": false}, 5: 1200, 6: []int{2, 1}, 7: 8, 8: 128,
		9: []string{"usb"}, 10: []map[string]any{{"alg": -7, "type": "public-key"}}, 12: true, 13: 6}))
	f.Add(encoded(f, map[int]any{1: []string{"U2F_V2"}, 3: make([]byte, 16)}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		i, err := parseInfo(raw)
		if err != nil {
			if !errors.Is(err, ErrNonsense) {
				t.Fatal(err)
			}
			return
		}
		if i.MaxMessage < minMaxMessage || i.MaxMessage > MaxMessage || i.MaxCredentials < 1 || i.MaxCredentialID < 1 || i.MaxCredentialID > maxCredentialID || i.MinPINLength < minPIN || i.MinPINLength > maxPIN {
			t.Fatalf("out of bounds: %+v", i)
		}
		if i.PINSet && !i.ClientPIN || i.UVConfigured && !i.BuiltInUV || slices.ContainsFunc(i.PINProtocols, func(p int) bool { return p != 1 && p != 2 }) {
			t.Fatalf("contradicts itself: %+v", i)
		}
	})
}

func FuzzCredential(f *testing.F) {
	_, key := made(f)
	f.Add(encoded(f, map[int]any{1: "none", 2: signedData(flagPresent|flagCredential, 1, attested(key)), 3: map[string]any{}}))
	f.Add(encoded(f, map[int]any{1: "packed", 2: signedData(flagPresent, 1), 3: map[string]any{"alg": -7, "sig": []byte{1}}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCredential(raw)
		if err != nil {
			if !errors.Is(err, ErrNonsense) {
				t.Fatal(err)
			}
			return
		}
		if len(c.ID) == 0 || len(c.ID) > maxCredentialID || !bytes.Contains(c.AuthData, c.PublicKey) || c.Format == "" {
			t.Fatalf("%+v", c)
		}
		if _, err := parsePublicKey(c.PublicKey); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzAssertion(f *testing.F) {
	f.Add(encoded(f, map[int]any{1: map[string]any{"id": []byte("id1"), "type": "public-key"}, 2: signedData(flagPresent, 1), 3: []byte{1}, 4: map[string]any{"id": []byte{5}}}))
	f.Add(encoded(f, map[int]any{2: signedData(flagPresent, 1), 3: []byte{1}, 5: 2}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseAssertion(raw)
		if err != nil {
			if !errors.Is(err, ErrNonsense) {
				t.Fatal(err)
			}
			return
		}
		if len(a.CredentialID) > maxCredentialID || len(a.Signature) == 0 || len(a.Signature) > maxSignature || len(a.UserHandle) > 64 {
			t.Fatalf("%+v", a)
		}
	})
}

// Nobody can make an assertion up for a key that is not theirs.
func FuzzVerify(f *testing.F) {
	private, key := made(f)
	enrolled := Enrolled{RPID: "rp", CredentialID: []byte("id1"), PublicKey: key, Counter: 1}
	good := signedData(flagPresent, 2)
	signature := signed(f, private, good).Signature
	if _, err := Verify(signed(f, private, good), enrolled, []byte("client data"), false); err != nil {
		f.Fatal(err)
	}
	f.Add(good, signature)
	f.Add(signedData(flagPresent|flagVerified, 2), signature)
	f.Add(signedData(flagPresent|flagExtensions, 2, encoded(f, map[string]any{"credProtect": 2})), signature)
	f.Fuzz(func(t *testing.T, data, signature []byte) {
		if bytes.Equal(data, good) {
			return
		}
		if _, err := Verify(Assertion{CredentialID: []byte("id1"), AuthData: data, Signature: signature}, enrolled, []byte("client data"), false); err == nil {
			t.Fatalf("%x, %x verifies", data, signature)
		}
	})
}

func FuzzAuthData(f *testing.F) {
	_, key := made(f)
	extensions := encoded(f, map[string]any{"credProtect": 2})
	f.Add(signedData(0, 0))
	f.Add(signedData(flagPresent|flagCredential|flagExtensions, 7, attested(key), extensions))
	f.Add(signedData(flagExtensions, 7, extensions))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseAuthData(raw)
		if err != nil {
			return
		}
		if a.has(flagCredential) != (a.credential != nil) || a.has(flagCredential) != (a.publicKey != nil) || !bytes.HasPrefix(raw, a.rpIDHash[:]) {
			t.Fatalf("%+v", a)
		}
		if _, err := parseAuthData(append(raw, 0)); err == nil {
			t.Fatal("a byte too many was taken")
		}
	})
}

func FuzzPINAnswer(f *testing.F) {
	_, key := made(f)
	f.Add(encoded(f, map[int]any{1: cbor.RawMessage(key)}), 2)
	f.Add(encoded(f, map[int]any{2: make([]byte, 32)}), 1)
	f.Add(encoded(f, map[int]any{2: make([]byte, 48)}), 2)
	f.Add(encoded(f, map[int]any{3: 8, 4: false}), 2)
	f.Fuzz(func(t *testing.T, raw []byte, number int) {
		p := protocol(1 + number&1)
		a, err := parsePINAnswer(raw)
		if err != nil {
			if !errors.Is(err, ErrNonsense) {
				t.Fatal(err)
			}
			return
		}
		if a.Retries != nil && *a.Retries > 255 {
			t.Fatalf("%d tries", *a.Retries)
		}
		secret := shared{p, make([]byte, 32*int(p))}
		if a.KeyAgreement != nil {
			if _, s, err := p.agree(*a.KeyAgreement); err == nil {
				secret = s
			} else if !errors.Is(err, ErrNonsense) {
				t.Fatal(err)
			}
		}
		if token, err := secret.decryptToken(a.Token); err == nil && len(token) != 32 && (p != 1 || len(token) != 16) {
			t.Fatalf("a token of %d bytes", len(token))
		}
	})
}

// A public key that is taken here is one to the library that the server uses,
// and the two agree on a signature.
func FuzzPublicKey(f *testing.F) {
	_, key := made(f)
	f.Add(key, []byte("signature"))
	f.Add(encoded(f, map[int]any{1: 1, 3: EdDSA, -1: 6, -2: make([]byte, 32)}), make([]byte, 64))
	f.Add(encoded(f, map[int]any{1: 3, 3: RS256, -1: bytes.Repeat([]byte{0xFF}, 256), -2: []byte{1, 0, 1}}), make([]byte, 256))
	f.Fuzz(func(t *testing.T, raw, signature []byte) {
		k, err := parsePublicKey(raw)
		if err != nil {
			return
		}
		theirs, err := webauthncose.ParsePublicKey(raw)
		if err != nil {
			if k.algorithm == EdDSA {
				return // the library refuses points of small order when it parses
			}
			t.Fatalf("the library refuses it: %v", err)
		}
		if want, _ := webauthncose.VerifySignature(theirs, []byte("signed"), signature); want != k.verifies([]byte("signed"), signature) {
			t.Fatalf("the library says %v", want)
		}
	})
}

// Signatures that are good are so here and to the server's library; for each
// algorithm that can be asked for.
func TestSignaturesAgreeWithTheLibrary(t *testing.T) {
	private, key := made(t)
	sum := sha256.Sum256([]byte("signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	public, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, rsaSignature := rsaSigned(t, sum[:])
	for name, c := range map[string]struct{ key, signature []byte }{
		"ES256": {key, signature},
		"EdDSA": {encoded(t, map[int]any{1: 1, 3: EdDSA, -1: 6, -2: []byte(public)}), ed25519.Sign(edPrivate, []byte("signed"))},
		"RS256": {rsaKey, rsaSignature},
	} {
		k, err := parsePublicKey(c.key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		theirs, err := webauthncose.ParsePublicKey(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := webauthncose.VerifySignature(theirs, []byte("signed"), c.signature); !ok || err != nil || !k.verifies([]byte("signed"), c.signature) {
			t.Errorf("%s: the library says %v, %v", name, ok, err)
		}
		for i := range c.signature {
			broken := bytes.Clone(c.signature)
			broken[i] ^= 1
			if k.verifies([]byte("signed"), broken) {
				t.Errorf("%s: a signature with bit %d turned", name, 8*i)
			}
		}
		if k.verifies([]byte("other"), c.signature) {
			t.Errorf("%s: another message", name)
		}
	}
}
