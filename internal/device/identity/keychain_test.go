package identity

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What a keychain may say instead of an answer.
var (
	errDenied = errors.New("denied: let latchkeyd use it")
	errLocked = errors.New("locked: restart the Mac")
	errHung   = errors.New("macOS does not answer")
)

// held plays the System keychain.
type held struct {
	identities   []Found
	certificates [][]byte
	err          error
}

func (h *held) Identities(context.Context) ([]Found, error)    { return h.identities, h.err }
func (h *held) Certificates(context.Context) ([][]byte, error) { return h.certificates, h.err }

func (h *held) add(key *rsa.PrivateKey, c *x509.Certificate) {
	h.identities = append(h.identities, Found{Certificate: c.Raw, Key: key})
}

// TestARenewedCertificateIsNoticed: each look takes what the MDM has brought
// last, and other identities of the keychain are nobody's business.
func TestARenewedCertificateIsNoticed(t *testing.T) {
	h, key := &held{}, keys()[0]
	k := Keychain{Held: h, Now: time.Now}
	plain := leaf(t, key, func(c *x509.Certificate) { issued(1)(c); c.ExtraExtensions = nil })
	old, renewed := leaf(t, key, issued(300)), leaf(t, key, issued(3))
	h.add(key, plain)
	h.add(key, old)
	for _, want := range []*x509.Certificate{old, renewed} {
		if want == renewed {
			h.identities = append([]Found{{Certificate: renewed.Raw, Key: key}}, h.identities...)
		}
		if got, err := k.Certificate(t.Context()); err != nil || !got.Leaf.Equal(want) || got.PrivateKey != key {
			t.Errorf("took %v, %v", got.Leaf, err)
		}
	}
	h.identities = h.identities[1:]
	if got, err := k.Certificate(t.Context()); err != nil || !got.Leaf.Equal(old) {
		t.Errorf("the new one was taken back: %v, %v", got.Leaf, err)
	}
}

// TestNoCertificateInTheKeychain: each reason is its own, and says what to do.
func TestNoCertificateInTheKeychain(t *testing.T) {
	key := keys()[0]
	with := func(change func(*x509.Certificate)) Found {
		return Found{Certificate: leaf(t, key, change).Raw, Key: key}
	}
	expired := with(func(c *x509.Certificate) { issued(30)(c); c.NotAfter = time.Now().Add(-time.Hour) })
	unmarked := with(func(c *x509.Certificate) { c.ExtraExtensions = nil })
	denied := with(nil)
	denied.Key, denied.Err = nil, errDenied
	for _, tt := range []struct {
		name string
		held held
		is   []error
		want string
	}{
		{"empty", held{}, []error{ErrNone}, "there is none"},
		{"others alone", held{identities: []Found{unmarked, unmarked}}, []error{ErrNone}, "none of the 2 identities in the System keychain has the Device Access marker extension 1.3.6.1.4.1.51150.13.1"},
		{"expired", held{identities: []Found{unmarked, expired}}, []error{ErrNone, ErrExpired}, ": expired at "},
		{"not valid yet", held{identities: []Found{with(issued(-2))}}, []error{ErrNone}, "not valid before"},
		{"denied", held{identities: []Found{denied}}, []error{ErrNone, errDenied}, "let latchkeyd use it"},
		{"unreadable", held{identities: []Found{{Certificate: []byte("x"), Key: key}}}, []error{ErrNone}, "identity 1: its certificate cannot be read"},
		{"locked", held{err: errLocked}, []error{errLocked}, "restart the Mac"},
		{"hung", held{err: errHung}, []error{errHung}, "macOS does not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Keychain{Held: &tt.held, Now: time.Now}.Certificate(t.Context())
			for _, is := range tt.is {
				if !errors.Is(err, is) {
					t.Errorf("%v is no %v", err, is)
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(got.Certificate) > 0 {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestTheChainOfTheKeychain: the authorities between the certificate and its
// root go along, and no more.
func TestTheChainOfTheKeychain(t *testing.T) {
	rootKey, key := keys()[0], keys()[1]
	authority := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	root := authority("root")
	root = sign(t, root, root, &rootKey.PublicKey, rootKey)
	between := sign(t, authority("between"), root, &rootKey.PublicKey, rootKey)
	stranger := authority("between") // of the same name, with another key
	stranger = sign(t, stranger, root, &key.PublicKey, rootKey)
	mac := &x509.Certificate{Subject: pkix.Name{CommonName: "mac"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{markerExtension(true)}}
	mac = sign(t, mac, between, &key.PublicKey, rootKey)
	h := &held{certificates: [][]byte{root.Raw, []byte("broken"), stranger.Raw, mac.Raw, between.Raw}}
	h.add(key, mac)
	got, err := Keychain{Held: h, Now: time.Now}.Certificate(t.Context())
	if err != nil || len(got.Certificate) != 2 || string(got.Certificate[1]) != string(between.Raw) {
		t.Fatalf("%d certificates, %v", len(got.Certificate), err)
	}
}

// TestNewestOfAny: of any certificates the one taken is valid, marked, and no
// other such one was issued later; their order does not matter.
func TestNewestOfAny(t *testing.T) {
	key, now := keys()[0], time.Now().Truncate(time.Second)
	marker := markerExtension(false)
	rapid.Check(t, func(rt *rapid.T) {
		var all []Candidate
		for i := range rapid.IntRange(0, 6).Draw(rt, "certificates") {
			from := now.Add(time.Duration(rapid.IntRange(-5, 2).Draw(rt, "from")) * time.Hour)
			c := &x509.Certificate{Raw: []byte{byte(i)}, SerialNumber: big.NewInt(int64(i)), NotBefore: from, NotAfter: from.Add(time.Duration(rapid.IntRange(1, 6).Draw(rt, "hours")) * time.Hour), PublicKey: &key.PublicKey}
			if rapid.Bool().Draw(rt, "marked") {
				c.Extensions = []pkix.Extension{marker}
			}
			all = append(all, Candidate{Name: "c", Key: key, Chain: []*x509.Certificate{c}})
		}
		best, err := Newest(all, now)
		again, _ := Newest(rapid.Permutation(all).Draw(rt, "order"), now)
		usable := 0
		for _, c := range all {
			leaf := c.Chain[0]
			if !HasMarker(leaf) || now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
				continue
			}
			if usable++; err == nil && leaf.NotBefore.After(best.Chain[0].NotBefore) {
				rt.Errorf("%v is newer than %v", leaf.NotBefore, best.Chain[0].NotBefore)
			}
		}
		if (err == nil) != (usable > 0) || err != nil && !errors.Is(err, ErrNone) {
			rt.Fatalf("%d can be used, and: %v", usable, err)
		}
		if err == nil && (again.Chain[0] != best.Chain[0] || !HasMarker(best.Chain[0]) || now.Before(best.Chain[0].NotBefore) || now.After(best.Chain[0].NotAfter)) {
			rt.Errorf("took %+v, and %+v in another order", best.Chain[0], again.Chain[0])
		}
	})
}

// FuzzHeld: whatever lies in the keychain, what is taken has the marker.
func FuzzHeld(f *testing.F) {
	key := keys()[0]
	good := leaf(f, key, nil)
	f.Add(good.Raw, good.Raw)
	f.Add([]byte{0x30, 0}, []byte("x"))
	f.Fuzz(func(t *testing.T, first, other []byte) {
		h := &held{identities: []Found{{Certificate: first, Key: key}, {Certificate: other, Key: key}}, certificates: [][]byte{first, other}}
		got, err := Keychain{Held: h, Now: time.Now}.Certificate(t.Context())
		if err == nil && (!HasMarker(got.Leaf) || len(got.Certificate) > maxChain) || err != nil && !errors.Is(err, ErrNone) {
			t.Errorf("%d certificates, %v", len(got.Certificate), err)
		}
	})
}
