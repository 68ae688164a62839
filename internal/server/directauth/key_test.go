package directauth_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	client "github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// securityKey is a key of a user, played by a library that signs as one does.
type securityKey struct {
	o    *org
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
	id   string // of the factor
}

// newCredential makes a key on P-256. The library leaves out leading zeros of
// the coordinates, which COSE does not allow: one key in 128 would be refused.
func newCredential() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// registers sets a key up by an invitation, as the page does.
func (o *org) registers(u directory.User) *securityKey {
	o.T.Helper()
	k := &securityKey{o: o, site: virtualwebauthn.RelyingParty{ID: "mfa.example.com", Name: "Latchkey", Origin: issuer}, auth: virtualwebauthn.NewAuthenticator(), cred: newCredential()}
	var code string
	o.Update(func(tx *sql.Tx) (err error) {
		_, code, err = o.Factors.Invite(context.Background(), tx, u, factor.KindKey, factor.By{Actor: systemlog.System()})
		return err
	})
	_, visit, err := o.Factors.OpenInvitation(context.Background(), code, factor.By{})
	o.must(err)
	options, err := o.Factors.BeginEnrol(context.Background(), visit)
	o.must(err)
	read, err := virtualwebauthn.ParseAttestationOptions(string(options))
	o.must(err)
	f, _, err := o.Factors.FinishEnrol(context.Background(), visit, "blue key", []byte(virtualwebauthn.CreateAttestationResponse(k.site, k.auth, k.cred, *read)), factor.By{})
	o.must(err)
	k.id = f.ID
	return k
}

func (o *org) must(err error) {
	o.T.Helper()
	if err != nil {
		o.T.Fatal(err)
	}
}

// answers signs the challenge, with the next counter.
func (k *securityKey) answers(c client.WebAuthnChallenge) client.Assertion {
	k.o.T.Helper()
	k.cred.Counter++
	raw := virtualwebauthn.CreateAssertionResponse(k.site, k.auth, k.cred, virtualwebauthn.AssertionOptions{Challenge: c.Challenge, RelyingPartyID: c.RPID})
	var in struct {
		Response struct{ AuthenticatorData, ClientDataJSON, Signature, UserHandle string }
	}
	k.o.must(json.Unmarshal([]byte(raw), &in))
	plain := func(text string) []byte {
		out, err := base64.RawURLEncoding.DecodeString(text)
		k.o.must(err)
		return out
	}
	return client.Assertion{AuthenticatorData: plain(in.Response.AuthenticatorData), ClientDataJSON: plain(in.Response.ClientDataJSON),
		Signature: plain(in.Response.Signature), UserHandle: plain(in.Response.UserHandle)}
}

// onThe is the client of a Mac, as latchkeyd has it.
func (o *org) onThe(id *servertest.Identity) *client.Client {
	o.T.Helper()
	c, err := client.New(client.Config{Issuer: issuer, BaseURL: o.Device.URL + "/oauth2/v1", ClientID: o.id, ClientSecret: o.secret, HTTP: o.client(id), Now: o.Now, RequireNonce: true})
	o.must(err)
	return c
}

// settings of authenticators, for the rest of the test.
func (o *org) verifies(on bool) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) error {
		return directory.SaveAuthenticatorSettings(context.Background(), tx, directory.Authenticators{KeyVerification: on})
	})
}

func TestSecurityKeySignsIn(t *testing.T) {
	o := newOrg(t)
	k := o.registers(o.user)
	mac := o.onThe(&o.mac)
	challenge, err := mac.WebAuthn(t.Context(), amy)
	o.must(err)
	if len(challenge.CredentialIDs) != 1 || string(challenge.CredentialIDs[0]) != string(k.cred.ID) || challenge.RPID != "mfa.example.com" || challenge.UserVerification != "preferred" || challenge.Timeout != 5*time.Minute {
		t.Errorf("%+v", challenge.CredentialIDs)
	}
	tokens, err := mac.AnswerWebAuthn(t.Context(), challenge, k.answers(challenge))
	o.must(err)
	if got := o.claims(tokens.IDToken)["amr"]; len(got.([]any)) != 1 || got.([]any)[0] != "hwk" {
		t.Errorf("amr %v", got)
	}
	if e := o.outcome(systemlog.AuthViaMFA); e.Outcome.Result != systemlog.Success || e.Detail["factor"] != "webauthn" || e.Actor.AlternateID != amy {
		t.Errorf("%+v", e)
	}

	// After the password it is the second factor.
	_, err = mac.Password(t.Context(), amy, phrase)
	if err == nil {
		t.Fatal("no password was set yet")
	}
	o.must(o.Factors.SetPassword(t.Context(), amy, phrase, factor.By{Actor: systemlog.System()}))
	_, err = mac.Password(t.Context(), amy, phrase)
	var more *client.MFARequired
	if !errors.As(err, &more) || !strings.Contains(o.outcome(systemlog.AuthViaMFA).Detail["factor"], "password") {
		t.Fatalf("%v", err)
	}
	challenged, err := mac.Challenge(t.Context(), more.Token, client.ChallengeWebAuthn)
	o.must(err)
	tokens, err = mac.AnswerWebAuthn(t.Context(), challenged.WebAuthn, k.answers(challenged.WebAuthn))
	o.must(err)
	if got, _ := json.Marshal(o.claims(tokens.IDToken)["amr"]); string(got) != `["pwd","hwk","mfa"]` {
		t.Errorf("amr %s", got)
	}
}

// wrongAnswer is an answer that is refused, and what the log says of it.
type wrongAnswer struct {
	answer func() error
	want   error
	reason string
}

// trial is Amy with a key at her Mac.
type trial struct {
	*org
	t   *testing.T
	k   *securityKey
	mac *client.Client
}

func (o *trial) ask() client.WebAuthnChallenge {
	o.t.Helper()
	o.Pass(time.Second)
	c, err := o.mac.WebAuthn(o.t.Context(), amy)
	o.must(err)
	return c
}

func (o *trial) refused(cases map[string]wrongAnswer) {
	for name, c := range cases {
		o.t.Run(name, func(t *testing.T) {
			if err := c.answer(); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if e := o.outcome(systemlog.AuthViaMFA); e.Outcome != (systemlog.Outcome{Result: systemlog.Failure, Reason: c.reason}) {
				t.Errorf("the log says %+v, want %s", e.Outcome, c.reason)
			}
			right := o.ask()
			_, err := o.mac.AnswerWebAuthn(t.Context(), right, o.k.answers(right))
			o.must(err)
		})
	}
}

// TestSecurityKeyRefused: each wrong answer is refused, for its own reason in
// the log, and the key goes on.
func TestSecurityKeyRefused(t *testing.T) {
	org := newOrg(t)
	o := &trial{org: org, t: t, k: org.registers(org.user), mac: org.onThe(&org.mac)}
	foreign := org.registers(org.join("bob@example.com"))
	k, mac, ask := o.k, o.mac, o.ask
	o.refused(map[string]wrongAnswer{
		"a key of another user": {func() error {
			c := ask()
			_, err := mac.AnswerWebAuthn(t.Context(), c, foreign.answers(c))
			return err
		}, client.ErrInvalidCredentials, "INVALID_CREDENTIALS"},
		"another site": {func() error {
			c := ask()
			c.RPID = "evil.example"
			k.site.ID = "evil.example"
			defer func() { k.site.ID = "mfa.example.com" }()
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrInvalidCredentials, "WRONG_RP_ID"},
		"another origin": {func() error {
			c := ask()
			k.site.Origin = "https://mfa.example.com.evil.example"
			defer func() { k.site.Origin = issuer }()
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrInvalidCredentials, "WRONG_ORIGIN"},
		"a replayed answer": {func() error {
			c := ask()
			a := k.answers(c)
			_, err := mac.AnswerWebAuthn(t.Context(), c, a)
			o.must(err)
			_, err = mac.AnswerWebAuthn(t.Context(), c, a)
			return err
		}, client.ErrExpired, "UNKNOWN_CHALLENGE"},
		"an answer that is late": {func() error {
			c := ask()
			a := k.answers(c)
			o.Pass(5 * time.Minute)
			_, err := mac.AnswerWebAuthn(t.Context(), c, a)
			return err
		}, client.ErrExpired, "EXPIRED"},
		"a challenge that a newer one took the place of": {func() error {
			c := ask()
			ask()
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrExpired, "UNKNOWN_CHALLENGE"},
	})
}

// TestSecurityKeyElsewhere: what is not for this Mac, this factor or this org.
func TestSecurityKeyElsewhere(t *testing.T) {
	org := newOrg(t)
	o := &trial{org: org, t: t, k: org.registers(org.user), mac: org.onThe(&org.mac)}
	other := org.newMac("C02B")
	k, mac, ask := o.k, o.mac, o.ask
	o.refused(map[string]wrongAnswer{
		"another Mac": {func() error {
			c := ask()
			_, err := o.onThe(&other).AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrExpired, "FOREIGN_CODE"},
		"the first factor's challenge as the second": {func() error {
			c := ask()
			c.MFAToken = "not-a-token"
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrExpired, "FOREIGN_CODE"},
		"nobody touched it": {func() error {
			c := ask()
			k.auth.Options.UserNotPresent = true
			defer func() { k.auth.Options.UserNotPresent = false }()
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrInvalidCredentials, "INVALID_CREDENTIALS"},
		"no PIN where the org wants one": {func() error {
			o.verifies(true)
			defer o.verifies(false)
			k.auth.Options.UserNotVerified = true
			defer func() { k.auth.Options.UserNotVerified = false }()
			c := ask()
			if c.UserVerification != "required" {
				t.Error("the key is not asked to verify")
			}
			_, err := mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
			return err
		}, client.ErrInvalidCredentials, "USER_NOT_VERIFIED"},
	})
}

// TestSecurityKeyCopied: a counter that goes back suspends the key, and the
// person with the right one is not let in by it either.
func TestSecurityKeyCopied(t *testing.T) {
	o := newOrg(t)
	k := o.registers(o.user)
	mac := o.onThe(&o.mac)
	sign := func() error {
		c, err := mac.WebAuthn(t.Context(), amy)
		if err != nil {
			return err
		}
		_, err = mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
		return err
	}
	k.cred.Counter = 10
	o.must(sign())
	k.cred.Counter = 3
	if err := sign(); !errors.Is(err, client.ErrInvalidCredentials) {
		t.Fatalf("a copy: %v", err)
	}
	if e := o.outcome(systemlog.FactorSuspend); e.Severity != systemlog.Error || e.Detail["id"] != k.id || e.Targets[0].AlternateID != amy {
		t.Errorf("%+v", e)
	}
	k.cred.Counter = 20
	if err := sign(); !errors.Is(err, client.ErrNotEnrolled) {
		t.Fatalf("a suspended key: %v", err)
	}
	o.Update(func(tx *sql.Tx) error {
		all, err := o.Factors.List(t.Context(), tx, o.user.ID)
		for _, f := range all {
			if f.SuspendedAt.IsZero() == (f.ID == k.id) {
				t.Errorf("%+v", f)
			}
		}
		return err
	})
}

// TestSecurityKeyWaits: wrong answers are counted as wrong codes are, and nobody
// learns who has a key by asking for one that there is not.
func TestSecurityKeyWaits(t *testing.T) {
	o := newOrg(t)
	bob := o.join("bob@example.com")
	k, foreign := o.registers(o.user), o.registers(bob)
	mac := o.onThe(&o.mac)
	for _, login := range []string{"nobody@example.com", "carl@example.com"} {
		if login[0] == 'c' {
			o.join(login) // has no key
		}
		if _, err := mac.WebAuthn(t.Context(), login); !errors.Is(err, client.ErrNotEnrolled) {
			t.Errorf("%s: %v", login, err)
		}
	}
	for range factor.Tries {
		o.Pass(time.Second)
		c, err := mac.WebAuthn(t.Context(), amy)
		o.must(err)
		if _, err = mac.AnswerWebAuthn(t.Context(), c, foreign.answers(c)); !errors.Is(err, client.ErrInvalidCredentials) {
			t.Fatal(err)
		}
	}
	c, err := mac.WebAuthn(t.Context(), amy)
	o.must(err)
	var limited *client.Error
	if _, err = mac.AnswerWebAuthn(t.Context(), c, k.answers(c)); !errors.Is(err, client.ErrRateLimited) || !errors.As(err, &limited) || limited.RetryAfter <= 0 {
		t.Fatalf("the sixth: %v", err)
	}
	o.Pass(factor.FirstWait)
	c, err = mac.WebAuthn(t.Context(), amy)
	o.must(err)
	_, err = mac.AnswerWebAuthn(t.Context(), c, k.answers(c))
	o.must(err)
}
