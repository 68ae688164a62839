package online_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// keyed is a Mac with a key plugged in that the org knows.
type keyed struct {
	*mac
	soft      *softkey.Key
	publicKey []byte
}

func newKeyed(t *testing.T) *keyed {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	k := &keyed{mac: newMac(t).linked()}
	if k.soft, err = softkey.Plug(dir, "a", softkey.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.soft.Close() })
	ports := hid.Folder(dir)
	k.Keys = &securitykey.Keys{Ports: ports, Report: func(string, error) {}}
	k.Origin = func(id string) (string, bool) { return "https://acme.example", id == "acme.example" }
	k.org.challenge = directauth.WebAuthnChallenge{Challenge: []byte("challenge"), RPID: "acme.example", CredentialIDs: [][]byte{k.registers(ports)}, UserVerification: "preferred"}
	return k
}

// registers makes the credential, as a browser does for the org's page.
func (k *keyed) registers(ports hid.Lister) []byte {
	list, err := ports.Ports(k.t.Context())
	if err != nil || len(list) != 1 {
		k.t.Fatal(list, err)
	}
	channel, err := ports.Open(k.t.Context(), list[0])
	if err != nil {
		k.t.Fatal(err)
	}
	defer channel.Close()
	key, err := ctap.Open(k.t.Context(), channel)
	if err != nil {
		k.t.Fatal(err)
	}
	made, err := key.MakeCredential(k.t.Context(), ctap.NewCredential{RPID: "acme.example", UserID: []byte("1"), UserName: "ada", Algorithms: []int{-7}}, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	k.publicKey = made.PublicKey
	return made.ID
}

// TestAKeySignsForTheOrg: what the org is given is signed for its own site, by
// the challenge that it gave.
func TestAKeySignsForTheOrg(t *testing.T) {
	k := newKeyed(t)
	k.org.answers = []answer{{who: herself}}
	if outcome, err := k.Key().Run(t.Context(), ada, k.ask); err != nil || outcome.Result != factor.Verified {
		t.Fatalf("%+v, %v", outcome, err)
	}
	signed := k.org.signed[0]
	if want := ctap.ClientData(ctap.KindGet, []byte("challenge"), "https://acme.example"); string(signed.ClientDataJSON) != string(want) {
		t.Errorf("client data %s", signed.ClientDataJSON)
	}
	rp := sha256.Sum256([]byte("acme.example"))
	if !strings.HasPrefix(string(signed.AuthenticatorData), string(rp[:])) {
		t.Error("signed for another site")
	}
	enrolled := ctap.Enrolled{RPID: "acme.example", CredentialID: k.org.challenge.CredentialIDs[0], PublicKey: k.publicKey}
	if _, err := ctap.Verify(ctap.Assertion{CredentialID: enrolled.CredentialID, AuthData: signed.AuthenticatorData, Signature: signed.Signature}, enrolled, signed.ClientDataJSON, false); err != nil {
		t.Error(err)
	}
}

// TestWhatTheOrgSaysOfAKey: what each answer is to the person, and whether it
// lets them in.
func TestWhatTheOrgSaysOfAKey(t *testing.T) {
	unreachable := fmt.Errorf("challenge: %w", &directauth.Unreachable{Kind: directauth.NoAnswer, Err: errors.New("reset")})
	for name, tt := range map[string]struct {
		set     func(*keyed)
		answers []answer
		in      bool
		words   string
		events  []string
		signed  int
	}{
		"somebody else":           {nil, []answer{{who: directauth.Claims{Subject: "00u2"}}}, false, "verified somebody else", []string{"factor.reject FIDO2_USB_key another_user "}, 1},
		"refused, then taken":     {nil, []answer{{err: directauth.ErrInvalidCredentials}, {who: herself}}, true, "does not take this key", []string{"factor.reject FIDO2_USB_key wrong "}, 2},
		"too late, then taken":    {nil, []answer{{err: directauth.ErrExpired}, {who: herself}}, true, "does not wait for the key", []string{"factor.reject FIDO2_USB_key expired "}, 2},
		"no key at the org":       {func(k *keyed) { k.org.failing = directauth.ErrNotEnrolled }, nil, false, "has no security key", []string{"factor.reject FIDO2_USB_key not_enrolled "}, 0},
		"an empty list":           {func(k *keyed) { k.org.challenge.CredentialIDs = nil }, nil, false, "has no security key", []string{"factor.reject FIDO2_USB_key not_enrolled "}, 0},
		"too many tries":          {func(k *keyed) { k.org.failing = directauth.ErrRateLimited }, nil, false, "no more tries", []string{"factor.reject FIDO2_USB_key rate_limited "}, 0},
		"for another site":        {func(k *keyed) { k.org.challenge.RPID = "bank.example" }, nil, false, "another site than its own", []string{"factor.reject FIDO2_USB_key foreign_rp "}, 0},
		"the org does not answer": {func(k *keyed) { k.org.failing = unreachable }, nil, false, "", nil, 0},
		"another key":             {func(k *keyed) { k.org.challenge.CredentialIDs = [][]byte{[]byte("another")} }, nil, false, "not set up for you", []string{"factor.reject FIDO2_USB_key key_not_theirs "}, 0},
		"a PIN is required":       {func(k *keyed) { k.org.challenge.UserVerification = "required" }, nil, false, "asks for a key with a PIN", []string{"factor.reject FIDO2_USB_key key_without_pin "}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t)
			if tt.set != nil {
				tt.set(k)
			}
			k.org.answers = tt.answers
			if len(tt.answers) == 2 {
				k.does = append(k.does, wire.Act{Action: wire.ActionRetry})
			}
			outcome, err := k.Key().Run(t.Context(), ada, k.ask)
			if err != nil && !errors.Is(err, errGone) || (outcome.Result == factor.Verified) != tt.in {
				t.Fatalf("%+v, %v", outcome, err)
			}
			said := outcome.Note
			for _, s := range k.screens {
				if s.Note != nil {
					said += " " + s.Note.Text
				}
			}
			if !strings.Contains(said, tt.words) || !tt.in && said == "" {
				t.Errorf("the person reads %q, want %q", said, tt.words)
			}
			if got := k.refusals(); !slices.Equal(got, tt.events) {
				t.Errorf("events %q, want %q", got, tt.events)
			}
			if len(k.org.signed) != tt.signed {
				t.Errorf("%d answers were sent", len(k.org.signed))
			}
			if reached := k.org.failed != nil; reached != (name == "the org does not answer") {
				t.Errorf("noted as unreachable: %v", k.org.failed)
			}
		})
	}
}

func TestWhoIsNotLinkedHasNoKeyAtTheOrg(t *testing.T) {
	m := newMac(t)
	if enrolled, _ := m.Key().Ready(context.Background(), ada); enrolled {
		t.Error("enrolled")
	}
	if _, err := m.Key().Run(t.Context(), ada, m.ask); err == nil {
		t.Error("asked")
	}
}
