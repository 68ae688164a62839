package directauth_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// A password is followed by a factor, or leads nowhere.
func TestPassword(t *testing.T) {
	o := newOrg(t)
	a := o.password()
	if a.Description != "Verify with an additional authenticator to complete the sign-in process." || a.Types != mfaOTP+" "+mfaOOB || len(a.MFA) < 26 || a.Access != "" {
		t.Errorf("%+v", a)
	}
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.wrongCode()), 400, "invalid_grant")
	o.Pass(time.Second)
	got := o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.code(), "scope", "openid"), 200, "")
	if c := o.claims(got.ID); fmt.Sprint(c["amr"]) != "[pwd otp mfa]" {
		t.Errorf("%v", c)
	}
	o.step()
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.code()), 400, "access_denied")

	// With a push: challenged by the token, and taken with it alone.
	a = o.password()
	c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOOB, "channel_hint", "push"), 200, "")
	if c.Challenge != mfaOOB || c.Number == "" || c.Interval != 5 {
		t.Errorf("%+v", c)
	}
	o.approve(c.Number)
	o.is(o.poll(c.OOB), 400, "access_denied")
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", "other", "oob_code", c.OOB), 400, "access_denied")
	o.Pass(5 * time.Second)
	got = o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", a.MFA, "oob_code", c.OOB), 200, "")
	if cl := o.claims(got.ID); fmt.Sprint(cl["amr"]) != "[pwd mca mfa]" {
		t.Errorf("%v", cl)
	}
	o.Pass(5 * time.Second)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOTP), 400, "access_denied")

	// What challenge chooses, and what it refuses.
	a = o.password()
	if c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", "foo "+mfaOTP), 200, ""); c.Challenge != mfaOTP || c.OOB != "" {
		t.Errorf("%+v", c)
	}
	c = o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", "foo"), 403, "access_denied")
	if c.Description != "`foo` isn't supported as a `challenge_type`. Try again with another value." {
		t.Error(c.Description)
	}
	o.Pass(time.Second)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOOB), 400, "invalid_request")
	o.Pass(factor.MFALife)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA), 400, "access_denied")
	for range 5 {
		o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", "wrong"), 400, "invalid_grant")
		o.Pass(time.Second)
	}
	if a := o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", phrase); a.Status != 429 {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
	// Who has no factor gets nothing for a password.
	o = newOrg(t)
	o.password()
	o.Update(func(tx *sql.Tx) error {
		return o.Factors.RemoveAll(context.Background(), tx, o.user, factor.By{Actor: systemlog.System()})
	})
	o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", phrase), 403, "access_denied")
}

// What one client or Mac was given is of no use to another.
func TestForeignCodes(t *testing.T) {
	o := newOrg(t)
	other := o.newMac("C02B")
	var second directauth.Client
	var secret string
	o.Update(func(tx *sql.Tx) (err error) {
		second, secret, err = directauth.CreateClient(context.Background(), tx, o.Vault, "Other", o.Now())
		return err
	})
	mfa := o.password()
	c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", mfa.MFA, "challenge_types_supported", mfaOOB, "channel_hint", "push"), 200, "")
	o.approve(c.Number)
	own, foreign := []string{"client_id", o.id, "client_secret", o.secret}, []string{"client_id", second.ID, "client_secret", secret}
	for name, try := range map[string]func(path string, pairs ...string) answer{
		"another Mac": func(path string, pairs ...string) answer {
			return o.send(&other, path, fields(append(pairs, own...)...).Encode(), nil)
		},
		"another client": func(path string, pairs ...string) answer {
			return o.send(&o.mac, path, fields(append(pairs, foreign...)...).Encode(), nil)
		},
	} {
		o.is(try("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", mfa.MFA, "oob_code", c.OOB), 400, "access_denied")
		o.is(try("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", mfa.MFA, "otp", o.code()), 400, "access_denied")
		o.is(try("/oauth2/v1/challenge", "mfa_token", mfa.MFA), 400, "access_denied")
		if e := o.outcome(systemlog.AuthViaMFA); e.Outcome.Reason != "FOREIGN_CODE" {
			t.Errorf("%s: %+v", name, e.Outcome)
		}
		o.Pass(time.Second)
	}
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", mfa.MFA, "oob_code", c.OOB), 200, "")
	o.Pass(time.Second)
	a := o.push(amy)
	o.approve(a.Number)
	o.is(o.send(&other, "/oauth2/v1/token", fields(append([]string{"grant_type", grantOOB, "scope", "openid", "oob_code", a.OOB}, own...)...).Encode(), nil), 400, "access_denied")
	o.is(o.send(&o.mac, "/oauth2/v1/token", fields(append([]string{"grant_type", grantOOB, "scope", "openid", "oob_code", a.OOB}, foreign...)...).Encode(), nil), 400, "access_denied")
	o.is(o.poll(a.OOB), 200, "")
}
