package ctap

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func rsaSigned(t *testing.T, sum []byte) (key, signature []byte) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, minRSA)
	if err != nil {
		t.Fatal(err)
	}
	if signature, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum); err != nil {
		t.Fatal(err)
	}
	return encoded(t, map[int]any{1: 3, 3: RS256, -1: private.N.Bytes(), -2: big.NewInt(int64(private.E)).Bytes()}), signature
}

// signed is an assertion of "id1" over "client data".
func signed(tb testing.TB, private *ecdsa.PrivateKey, data []byte) Assertion {
	tb.Helper()
	hash := sha256.Sum256([]byte("client data"))
	sum := sha256.Sum256(slices.Concat(data, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return Assertion{CredentialID: []byte("id1"), AuthData: data, Signature: signature}
}

// CBOR that CTAP forbids is refused for that reason, and not by chance.
func TestCBORThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		raw    []byte
		reason string
	}{
		"trailing":        {[]byte{0xA0, 0x00}, "follow the end"},
		"a key twice":     {[]byte{0xA2, 0x03, 0x40, 0x03, 0x40}, "duplicate"},
		"indefinite map":  {[]byte{0xBF, 0xFF}, "indefinite"},
		"indefinite text": {[]byte{0xA1, 0x01, 0x7F, 0xFF}, "indefinite"},
		"deep":            {append([]byte{0xA1, 0x18, 0x63}, append(bytes.Repeat([]byte{0x81}, maxDepth), 0)...), "nested level"},
		"tagged":          {[]byte{0xC0, 0xA0}, "tag"},
		"a long list":     {append([]byte{0xA1, 0x01, 0x98, maxEntries + 1}, make([]byte, maxEntries+1)...), "elements"},
		"a huge list":     {[]byte{0xA1, 0x01, 0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, "elements"},
		"breaks off":      {[]byte{0xA1, 0x03}, "EOF"},
		"no UTF-8":        {[]byte{0xA1, 0x01, 0x81, 0x61, 0xFF}, "UTF-8"},
		"too long":        {make([]byte, MaxMessage+1), "longer"},
	} {
		if err := decodeCBOR(c.raw, new(infoAnswer)); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
}

func TestInfoThatIsNotSaid(t *testing.T) {
	i, err := parseInfo(encoded(t, map[int]any{1: []string{"FIDO_2_0"}, 3: make([]byte, 16), 4: map[string]bool{"clientPin": false}}))
	if err != nil || !i.ClientPIN || i.PINSet || i.BuiltInUV || i.MaxMessage != 1024 || i.MaxCredentials != 1 || i.MaxCredentialID != 1023 || i.MinPINLength != 4 || len(i.PINProtocols) != 1 {
		t.Errorf("%+v, %v", i, err)
	}
	for name, said := range map[string]map[int]any{
		"no AAGUID": {1: []string{"FIDO_2_0"}}, "short messages": {3: make([]byte, 16), 5: 1023}, "no credentials": {3: make([]byte, 16), 7: 0}, "short PIN": {3: make([]byte, 16), 13: 3},
	} {
		if _, err := parseInfo(encoded(t, said)); !errors.Is(err, ErrNonsense) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys that are no good are refused when they are read, not when they sign.
func TestPublicKeysThatAreRefused(t *testing.T) {
	x, y := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	for name, k := range map[string]map[int]any{
		"not on the curve": {1: 2, 3: ES256, -1: 1, -2: x, -3: y},
		"another curve":    {1: 2, 3: ES256, -1: 2, -2: x, -3: y},
		"short":            {1: 2, 3: ES256, -1: 1, -2: x[1:], -3: y},
		"another type":     {1: 1, 3: ES256, -1: 1, -2: x, -3: y},
		"ES384":            {1: 2, 3: -35, -1: 2, -2: x, -3: y},
		"Ed448":            {1: 1, 3: EdDSA, -1: 7, -2: x},
		"RSA of 1024 bits": {1: 3, 3: RS256, -1: bytes.Repeat([]byte{0xFF}, 128), -2: []byte{1, 0, 1}},
		"RSA with 3":       {1: 3, 3: RS256, -1: bytes.Repeat([]byte{0xFF}, 256), -2: []byte{3}},
		"RS1":              {1: 3, 3: -65535, -1: bytes.Repeat([]byte{0xFF}, 256), -2: []byte{1, 0, 1}},
		"nothing":          {},
	} {
		if _, err := parsePublicKey(encoded(t, k)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A credential that is not what was asked for is none.
func TestCredentialIsWhatWasAskedFor(t *testing.T) {
	_, key := made(t)
	n := NewCredential{RPID: "rp", Algorithms: []int{EdDSA, ES256}, UV: true, Exclude: [][]byte{[]byte("id0")}}
	answer := func(rpID string, flags byte) []byte {
		hash := sha256.Sum256([]byte(rpID))
		return encoded(t, map[int]any{1: "none", 2: slices.Concat(hash[:], []byte{flags, 0, 0, 0, 1}, attested(key)), 3: map[string]any{}})
	}
	all := byte(flagPresent | flagVerified | flagCredential)
	for name, c := range map[string]struct {
		asked  func(*NewCredential)
		answer []byte
		want   error
	}{
		"it is":                 {nil, answer("rp", all), nil},
		"another relying party": {nil, answer("r", all), ErrRP},
		"not touched":           {nil, answer("rp", all&^flagPresent), ErrNotPresent},
		"not verified":          {nil, answer("rp", all&^flagVerified), ErrNotVerified},
		"not verified, a token": {func(n *NewCredential) { n.UV, n.Token = false, &Token{} }, answer("rp", all&^flagVerified), ErrNotVerified},
		"not asked to verify":   {func(n *NewCredential) { n.UV = false }, answer("rp", all&^flagVerified), nil},
		"another algorithm":     {func(n *NewCredential) { n.Algorithms = []int{EdDSA} }, answer("rp", all), ErrNonsense},
		"an excluded one":       {func(n *NewCredential) { n.Exclude = append(n.Exclude, []byte("id1")) }, answer("rp", all), ErrNonsense},
	} {
		asked := n
		if c.asked != nil {
			c.asked(&asked)
		}
		made, err := parseCredential(c.answer)
		if err != nil {
			t.Fatal(err)
		}
		if err := asked.fulfilled(made); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What cannot be asked for is refused before the key hears of it.
func TestCredentialsThatCannotBeAskedFor(t *testing.T) {
	good := NewCredential{RPID: "rp", UserID: []byte{1}, Algorithms: []int{ES256}}
	for name, spoil := range map[string]func(*NewCredential){
		"no relying party": func(n *NewCredential) { n.RPID = "" },
		"a long one":       func(n *NewCredential) { n.RPID = strings.Repeat("a", 254) },
		"no user":          func(n *NewCredential) { n.UserID = nil },
		"a long user":      func(n *NewCredential) { n.UserID = make([]byte, 65) },
		"no algorithm":     func(n *NewCredential) { n.Algorithms = nil },
		"ES384":            func(n *NewCredential) { n.Algorithms = []int{ES256, -35} },
	} {
		n := good
		spoil(&n)
		if err := n.check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := good.check(); err != nil {
		t.Error(err)
	}
}

// The counter of a key grows, or stays 0 for one that has none.
func TestCounter(t *testing.T) {
	private, key := made(t)
	for _, c := range []struct {
		last, now uint32
		want      error
	}{{0, 0, nil}, {0, 1, nil}, {7, 8, nil}, {7, 1 << 31, nil}, {7, 7, ErrCloned}, {7, 6, ErrCloned}, {7, 0, ErrCloned}, {1<<32 - 1, 0, ErrCloned}} {
		a := signed(t, private, signedData(flagPresent, c.now))
		got, err := Verify(a, Enrolled{RPID: "rp", CredentialID: []byte("id1"), PublicKey: key, Counter: c.last}, []byte("client data"), false)
		if !errors.Is(err, c.want) || got != c.now {
			t.Errorf("%d after %d: %d, %v; want %v", c.now, c.last, got, err, c.want)
		}
	}
}

// The form of WebAuthn §5.8.1.1, byte for byte, which nothing else is hashed as.
func TestClientData(t *testing.T) {
	got := ClientData(KindGet, []byte{0xFB, 0xFF, 0}, "https://a.example/<&>\"\\\n\u2028é\x7f")
	want := `{"type":"webauthn.get","challenge":"-_8A","origin":"https://a.example/<&>\"\\\u000a` + "\u2028é\x7f" + `","crossOrigin":false}`
	if string(got) != want {
		t.Errorf("%s\n%s", got, want)
	}
}

func TestStatuses(t *testing.T) {
	for code, want := range meanings() {
		err := fmt.Errorf("sign: %w", &StatusError{Code: code})
		var status *StatusError
		if !errors.Is(err, want) || !errors.As(err, &status) || status.Code != code || statusNames()[code] == "" {
			t.Errorf("0x%02x: %v", code, err)
		}
	}
	if err := (&StatusError{Code: 0xF1}); errors.Is(err, ErrDenied) || err.Error() != "the key answered with the status 0xf1" {
		t.Error(err)
	}
}

// In protocol 2 nobody sees that a PIN was typed twice.
func TestSamePINIsSealedAnew(t *testing.T) {
	s := shared{2, make([]byte, 64)}
	one, err := s.encrypt(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := s.encrypt(make([]byte, 16)); err != nil || bytes.Equal(one, two) || len(two) != 32 {
		t.Errorf("%x and %x, %v", one, two, err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := shared{2, []byte("secret")}
	if shown := fmt.Sprintf("%v %+v %#v %x", s, s, s, []any{s}); strings.Count(shown, shownSecret) != 4 || strings.Contains(shown, fmt.Sprintf("%x", "secret")) {
		t.Error(shown)
	}
	token := Token{protocol: 2, secret: []byte("secret")}
	copied := token
	token.Forget()
	if !bytes.Equal(copied.secret, make([]byte, 6)) {
		t.Error("a token that was forgotten is still there")
	}
}
