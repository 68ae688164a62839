package ctap_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
)

const (
	rpID   = "latchkey.example.com"
	origin = "https://latchkey.example.com"
	pin    = "284917"
)

// plug puts a soft key into a folder of its own and opens it.
func plug(t *testing.T, o softkey.Options) (*softkey.Key, *ctap.Key) {
	t.Helper()
	dir := t.TempDir()
	soft, err := softkey.Plug(dir, "key", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = soft.Close() })
	return soft, openIn(t, dir, "key.sock")
}

func openIn(t *testing.T, dir, name string) *ctap.Key {
	t.Helper()
	channel, err := hid.Folder(dir).Open(t.Context(), hid.Port{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = channel.Close() })
	key, err := ctap.Open(t.Context(), channel)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newCredential(token *ctap.Token, uv bool) ctap.NewCredential {
	return ctap.NewCredential{
		ClientDataHash: sha256.Sum256(ctap.ClientData(ctap.KindCreate, []byte("challenge"), origin)),
		RPID:           rpID, RPName: "Latchkey", UserID: []byte("501"), UserName: "mia", DisplayName: "Mia",
		Algorithms: []int{ctap.ES256}, Token: token, UV: uv,
	}
}

func unlock(t *testing.T, key *ctap.Key, p ctap.Permission) *ctap.Token {
	t.Helper()
	token, err := key.UnlockPIN(t.Context(), pin, p, rpID)
	if err != nil {
		t.Fatal(err)
	}
	return &token
}

// enrol makes a credential with the key's PIN, where it has one.
func enrol(t *testing.T, key *ctap.Key) ctap.Enrolled {
	t.Helper()
	var token *ctap.Token
	if key.Info().PINSet {
		token = unlock(t, key, ctap.PermitMakeCredential)
	}
	made, err := key.MakeCredential(t.Context(), newCredential(token, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ctap.Enrolled{RPID: rpID, CredentialID: made.ID, PublicKey: made.PublicKey, Counter: made.Counter}
}

func clientData() []byte { return ctap.ClientData(ctap.KindGet, []byte("another challenge"), origin) }

func wanted(token *ctap.Token, ids ...[]byte) ctap.Wanted {
	return ctap.Wanted{RPID: rpID, ClientDataHash: sha256.Sum256(clientData()), Allow: ids, Token: token}
}

// A person enrols a key and signs in with it: with each PIN protocol, with a
// key from before tokens had permissions, with a finger, and without a PIN.
func TestKeySignsWhatItWasEnrolledFor(t *testing.T) {
	finger := func(key *ctap.Key, p ctap.Permission) (ctap.Token, error) {
		return key.UnlockBuiltIn(t.Context(), p, rpID, nil)
	}
	typed := func(key *ctap.Key, p ctap.Permission) (ctap.Token, error) {
		return key.UnlockPIN(t.Context(), pin, p, rpID)
	}
	for name, kind := range map[string]struct {
		options softkey.Options
		unlock  func(*ctap.Key, ctap.Permission) (ctap.Token, error)
	}{
		"both protocols": {softkey.Options{PIN: pin}, typed},
		"protocol 1":     {softkey.Options{PIN: pin, Protocols: []int{1}}, typed},
		"protocol 2":     {softkey.Options{PIN: pin, Protocols: []int{2}}, typed},
		"CTAP 2.0":       {softkey.Options{PIN: pin, Protocols: []int{1}, NoPermissions: true, Versions: []string{"U2F_V2", "FIDO_2_0"}}, typed},
		"finger":         {softkey.Options{Fingerprint: true}, finger},
		"no PIN":         {softkey.Options{}, nil},
		"no counter":     {softkey.Options{PIN: pin, CountsNothing: true}, typed},
	} {
		t.Run(name, func(t *testing.T) {
			_, key := plug(t, kind.options)
			token := func(p ctap.Permission) *ctap.Token {
				if kind.unlock == nil {
					return nil
				}
				token, err := kind.unlock(key, p)
				if err != nil {
					t.Fatal(err)
				}
				return &token
			}
			made, err := key.MakeCredential(t.Context(), newCredential(token(ctap.PermitMakeCredential), kind.unlock != nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			if made.UserVerified != (kind.unlock != nil) || made.Format != "packed" || string(made.AAGUID[:]) != "latchkey softkey" {
				t.Errorf("made %+v", made)
			}
			signed, err := key.GetAssertion(t.Context(), wanted(token(ctap.PermitGetAssertion), made.ID), nil)
			if err != nil {
				t.Fatal(err)
			}
			enrolled := ctap.Enrolled{RPID: rpID, CredentialID: made.ID, PublicKey: made.PublicKey, Counter: made.Counter}
			counter, err := ctap.Verify(signed, enrolled, clientData(), kind.unlock != nil)
			if err != nil || (counter > made.Counter) == kind.options.CountsNothing {
				t.Errorf("counter %d after %d, %v", counter, made.Counter, err)
			}
			if _, err := ctap.Verify(signed, enrolled, clientData(), true); (err == nil) != (kind.unlock != nil) {
				t.Errorf("verified user: %v", err)
			}
		})
	}
}

// Wrong PINs count down, three in a row need the key to be pulled, eight end it.
func TestWrongPINsCountDown(t *testing.T) {
	for _, protocols := range [][]int{{1}, {2}} {
		t.Run(fmt.Sprint(protocols), func(t *testing.T) {
			dir := t.TempDir()
			soft, err := softkey.Plug(dir, "key", softkey.Options{PIN: pin, Protocols: protocols})
			if err != nil {
				t.Fatal(err)
			}
			defer soft.Close()
			key := openIn(t, dir, "key.sock")
			try := func(pin string, want error, left int, powerCycle bool) {
				t.Helper()
				_, err := key.UnlockPIN(t.Context(), pin, ctap.PermitGetAssertion, rpID)
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), pin) {
					t.Errorf("the error tells the PIN: %v", err)
				}
				if r, err := key.PINRetries(t.Context()); err != nil || r != (ctap.Retries{Left: left, PowerCycle: powerCycle}) {
					t.Errorf("%+v, %v; want %d left", r, err, left)
				}
			}
			again := func() {
				t.Helper()
				if err := errors.Join(soft.Pull(), soft.PutIn()); err != nil {
					t.Fatal(err)
				}
				key = openIn(t, dir, "key.sock")
			}
			try("999999", ctap.ErrPINInvalid, 7, false)
			try("999999", ctap.ErrPINInvalid, 6, false)
			try(pin, nil, 8, false)
			try("12", ctap.ErrPINLength, 8, false)
			try(strings.Repeat("1", 64), ctap.ErrPINLength, 8, false)
			try("1\xff345", ctap.ErrPINLength, 8, false)
			try("999999", ctap.ErrPINInvalid, 7, false)
			try("999999", ctap.ErrPINInvalid, 6, false)
			try("999999", ctap.ErrPINAuthBlocked, 5, true)
			try(pin, ctap.ErrPINAuthBlocked, 5, true)
			again()
			for left := 4; left > 2; left-- {
				try("999999", ctap.ErrPINInvalid, left, false)
			}
			try("999999", ctap.ErrPINAuthBlocked, 2, true)
			again()
			try("999999", ctap.ErrPINInvalid, 1, false)
			try("999999", ctap.ErrPINBlocked, 0, false)
			again()
			try(pin, ctap.ErrPINBlocked, 0, false)
		})
	}
}

// What is typed on a Mac's keyboard and what was set elsewhere are one PIN.
func TestPINIsInNormalForm(t *testing.T) {
	_, key := plug(t, softkey.Options{PIN: "caf\u00e9"})
	if _, err := key.UnlockPIN(t.Context(), "cafe\u0301", ctap.PermitGetAssertion, rpID); err != nil {
		t.Error(err)
	}
}

func TestUnlockingThatCannotBe(t *testing.T) {
	for name, kind := range map[string]struct {
		options softkey.Options
		want    error
	}{
		"no PIN":         {softkey.Options{}, ctap.ErrPINNotSet},
		"PIN to change":  {softkey.Options{PIN: pin, ForcePINChange: true}, ctap.ErrPINMustChange},
		"other protocol": {softkey.Options{PIN: pin, Protocols: []int{9}}, ctap.ErrUnable},
	} {
		_, key := plug(t, kind.options)
		if _, err := key.UnlockPIN(t.Context(), pin, ctap.PermitGetAssertion, rpID); !errors.Is(err, kind.want) {
			t.Errorf("%s: %v, want %v", name, err, kind.want)
		}
		// And that is known before a try is spent.
		if _, err := key.UnlockPIN(t.Context(), "000000", ctap.PermitGetAssertion, rpID); !errors.Is(err, kind.want) {
			t.Errorf("%s, a wrong PIN: %v, want %v", name, err, kind.want)
		}
		if _, err := key.UnlockBuiltIn(t.Context(), ctap.PermitGetAssertion, rpID, nil); !errors.Is(err, ctap.ErrUnable) {
			t.Errorf("%s: a finger without a sensor: %v", name, err)
		}
	}
}

func TestStrangeFingersAreBlocked(t *testing.T) {
	soft, key := plug(t, softkey.Options{Fingerprint: true, PIN: pin})
	soft.SetFinger(false)
	for i, want := range []error{ctap.ErrUVInvalid, ctap.ErrUVInvalid, ctap.ErrUVBlocked, ctap.ErrUVBlocked} {
		if _, err := key.UnlockBuiltIn(t.Context(), ctap.PermitGetAssertion, rpID, nil); !errors.Is(err, want) {
			t.Errorf("finger %d: %v, want %v", i, err, want)
		}
	}
	unlock(t, key, ctap.PermitGetAssertion)
	soft.SetFinger(true)
	if _, err := key.UnlockBuiltIn(t.Context(), ctap.PermitGetAssertion, rpID, nil); err != nil {
		t.Errorf("after the PIN: %v", err)
	}
}

// A key that was never asked for its PIN makes no credential, and a token opens
// only what it is for.
func TestKeyAsksForItsPIN(t *testing.T) {
	_, key := plug(t, softkey.Options{PIN: pin})
	if _, err := key.MakeCredential(t.Context(), newCredential(nil, false), nil); !errors.Is(err, ctap.ErrPINRequired) {
		t.Errorf("without a token: %v", err)
	}
	token := unlock(t, key, ctap.PermitGetAssertion)
	if _, err := key.MakeCredential(t.Context(), newCredential(token, false), nil); !errors.Is(err, ctap.ErrTokenRefused) {
		t.Errorf("with a token for something else: %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %x %s %q %d", *token, token, *token, *token, *token, *token, token); strings.Count(shown, "[token of a security key]") != 7 {
		t.Errorf("a token prints as %s", shown)
	}
}

func TestExcludedAndUnknownCredentials(t *testing.T) {
	for _, most := range []int{0, 1, 3, 100} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			soft, key := plug(t, softkey.Options{MaxCredentials: most, Patience: time.Second})
			mine, other := enrol(t, key), func(n int) (ids [][]byte) {
				for i := range n {
					ids = append(ids, bytes.Repeat([]byte{byte(i + 1)}, 60))
				}
				return ids
			}
			n := newCredential(nil, false)
			n.RPName, n.UserName, n.DisplayName = strings.Repeat("é", 100), strings.Repeat("n", 300), strings.Repeat("名", 900)
			n.Exclude = append(other(40), mine.CredentialID)
			soft.SetTouch(softkey.OnDemand) // however long the list is, one touch is enough
			if _, err := key.MakeCredential(t.Context(), n, onBlink(soft.Touch)); !errors.Is(err, ctap.ErrExcluded) {
				t.Errorf("excluded: %v", err)
			}
			n.Exclude = other(40)
			if _, err := key.MakeCredential(t.Context(), n, onBlink(soft.Touch)); err != nil {
				t.Errorf("excluded others: %v", err)
			}
			signed, err := key.GetAssertion(t.Context(), wanted(nil, slices.Concat(other(40), [][]byte{mine.CredentialID})...), onBlink(soft.Touch))
			if err != nil || !bytes.Equal(signed.CredentialID, mine.CredentialID) {
				t.Fatalf("among others: %v", err)
			}
			if _, err := ctap.Verify(signed, mine, clientData(), false); err != nil {
				t.Errorf("among others: %v", err)
			}
			tooLong := bytes.Repeat([]byte{7}, 500)
			for name, ids := range map[string][][]byte{"one": other(1), "many": other(40), "too long": {tooLong}, "too long and one": append(other(1), tooLong)} {
				if _, err := key.GetAssertion(t.Context(), wanted(nil, ids...), nil); !errors.Is(err, ctap.ErrNoCredential) {
					t.Errorf("%s that is not the key's: %v", name, err)
				}
			}
		})
	}
}

// Of several keys, the one that is touched is meant; the others are told to
// stop, and can be used afterwards.
func TestOneOfSeveralKeysIsTouched(t *testing.T) {
	for name, versions := range map[string][]string{"CTAP 2.1": nil, "CTAP 2.0": {"FIDO_2_0"}} {
		for _, pin := range []string{"", pin} {
			t.Run(name+" "+pin, func(t *testing.T) {
				dir := t.TempDir()
				var soft []*softkey.Key
				for _, product := range []string{"blue", "green", "red"} {
					k, err := softkey.Plug(dir, product, softkey.Options{Versions: versions, PIN: pin})
					if err != nil {
						t.Fatal(err)
					}
					defer k.Close()
					k.SetTouch(softkey.OnDemand)
					soft = append(soft, k)
				}
				if err := os.WriteFile(filepath.Join(dir, "notes.sock"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				ports, err := hid.Folder(dir).Ports(t.Context())
				if err != nil || len(ports) != 3 || ports[1] != (hid.Port{Name: "green.sock", Product: "green"}) {
					t.Fatalf("%+v, %v", ports, err)
				}
				chosen := selectAmong(t, dir, ports, soft[1])
				if chosen != "green.sock" {
					t.Errorf("chose %q", chosen)
				}
			})
		}
	}
}

// selectAmong waits for a touch on any of the keys, touches one once all of
// them blink, and looks whether all can be used then.
func selectAmong(t *testing.T, dir string, ports []hid.Port, touched *softkey.Key) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type outcome struct {
		port string
		err  error
	}
	blinking, outcomes := make(chan struct{}, len(ports)), make(chan outcome, len(ports))
	keys := map[string]*ctap.Key{}
	for _, p := range ports {
		key := openIn(t, dir, p.Name)
		keys[p.Name] = key
		go func() {
			outcomes <- outcome{p.Name, key.Select(ctx, func(w ctap.Waiting) {
				if w == ctap.UserPresence {
					blinking <- struct{}{}
				}
			})}
		}()
	}
	for range ports {
		<-blinking
	}
	touched.Touch()
	first := <-outcomes
	if first.err != nil {
		t.Errorf("%s: %v", first.port, first.err)
	}
	stop()
	for range ports[1:] {
		if o := <-outcomes; !errors.Is(o.err, ctap.ErrCancelled) || !errors.Is(o.err, context.Canceled) {
			t.Errorf("%s: %v", o.port, o.err)
		}
	}
	for name, key := range keys {
		if _, err := key.PINRetries(t.Context()); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	return first.port
}
