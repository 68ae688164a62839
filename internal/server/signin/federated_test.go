package signin_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

const idp = "https://idp.example.com"

// federated is a house whose administrators a provider signs in, too.
func newFederated(t testing.TB) *house {
	t.Helper()
	h := newHouse(t)
	h.again(idp)
	return h
}

// again is another server of the org, with that provider or none.
func (h *house) again(issuer string) {
	h.Helper()
	var err error
	h.Service, err = signin.New(signin.Config{DB: h.db, Vault: h.vault, Log: h.log, Now: func() time.Time { return h.now }, PublicURL: origin, Issuer: issuer})
	h.must(err)
	signin.Cheapen(h.Service, func() { h.hashes.Add(1) })
}

// sam is who the provider says has just signed in.
func (h *house) sam(role access.Role) federation.Identity {
	return federation.Identity{Issuer: idp, Subject: "s1", Login: "sam@example.com", Name: "Sam", Role: role, Group: "Desk", At: h.now, SessionID: "sid 1", IDToken: "the ID token"}
}

func (h *house) comes(who federation.Identity) signin.Session {
	h.Helper()
	x, err := h.Federated(h.Context(), who, desk())
	h.must(err)
	return x
}

// refused wants a refusal for that reason, which is in the log.
func (h *house) refused(err error, reason string) {
	h.Helper()
	var no *federation.Refusal
	if !errors.As(err, &no) || no.Reason != reason {
		h.Fatalf("%v, want %s", err, reason)
	}
	if e := h.last(systemlog.AuthViaSSO); e.Outcome.Reason != reason || e.Outcome.Result != systemlog.Failure {
		h.Errorf("%+v", e)
	}
}

// Who is known by issuer and subject, and by nothing else.
func TestWhoTheProviderNames(t *testing.T) {
	h := newFederated(t)
	one := h.comes(h.sam(access.HelpDeskAdmin))
	if one.Admin.Role != access.HelpDeskAdmin || !one.Admin.Federated() || one.Admin.Status != signin.Active {
		t.Errorf("%+v", one)
	}
	renamed := h.sam(access.OrgAdmin)
	renamed.Login, renamed.Name = "Sam@example.org", strings.Repeat("n", 200)
	if two := h.comes(renamed); two.Admin.ID != one.Admin.ID || two.Admin.Login != "Sam@example.org" || two.Admin.Name != "Sam@example.org" || two.Admin.Role != access.OrgAdmin {
		t.Errorf("%+v", two)
	}
	x, err := h.Find(h.Context(), one.Token.Text())
	if h.must(err); x.Admin.Role != access.OrgAdmin {
		t.Errorf("the open session has %s", x.Admin.Role)
	}
	other := h.sam(access.OrgAdmin)
	other.Issuer, other.Login = "https://other.example.com", "x@example.com" // the same subject, of another
	if three := h.comes(other); three.Admin.ID == one.Admin.ID {
		t.Error("the subject of another issuer is taken for the same")
	} else {
		h.is(errOf(h.Find(h.Context(), three.Token.Text())), signin.ErrNoSession) // not this server's provider
	}
	h.again("")
	h.is(errOf(h.Find(h.Context(), one.Token.Text())), signin.ErrNoSession)
}

// What is the provider's is not changed here, not even by who holds a session.
func TestFederatedAccountsHaveNothingOfTheirOwn(t *testing.T) {
	h := newFederated(t)
	x := h.comes(h.sam(access.SuperAdmin))
	token := x.Token.Text()
	_, _, totpErr := h.TOTPSecret(h.Context(), token)
	for name, err := range map[string]error{
		"an app's key":   totpErr,
		"an app":         h.ReplaceTOTP(h.Context(), token, "123456"),
		"a passkey":      errOf(h.BeginPasskey(h.Context(), token)),
		"recovery codes": errOf(h.NewRecoveryCodes(h.Context(), token)),
		"a password":     h.ChangePassword(h.Context(), token, "", phrase, desk()),
		"a role":         h.tx(func(tx *sql.Tx) error { return h.SetRole(h.Context(), tx, x.Admin.ID, access.OrgAdmin, cli()) }),
		"a scope":        h.tx(func(tx *sql.Tx) error { return h.SetScope(h.Context(), tx, x.Admin.ID, nil, cli()) }),
		"a set-up code": h.tx(func(tx *sql.Tx) error {
			_, err := h.NewSetUpCode(h.Context(), tx, x.Admin.ID, cli())
			return err
		}),
	} {
		if !errors.Is(err, signin.ErrFederated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.is(errOf(h.Begin(h.Context(), "sam@example.com", "", desk())), signin.ErrRefused)
	h.is(errOf(h.BeginSetUp(h.Context(), "sam@example.com", "", desk())), signin.ErrRefused)
	h.is(errOf(h.ReauthenticateTOTP(h.Context(), token, "123456", desk())), signin.ErrRefused)
	h.is(errOf(h.ReauthenticatePasskey(h.Context(), token, []byte("{}"), desk())), signin.ErrRefused)
	h.is(h.tx(func(tx *sql.Tx) error {
		_, _, err := h.Create(h.Context(), tx, signin.NewAdmin{Login: "SAM@example.com", Name: "x", Role: access.OrgAdmin}, cli())
		return err
	}), signin.ErrExists)
}

// Removing one who is suspended would let the provider bring them back, active.
func TestWhoIsSuspendedStaysSo(t *testing.T) {
	h := newFederated(t)
	x := h.comes(h.sam(access.HelpDeskAdmin))
	h.must(h.tx(func(tx *sql.Tx) error { return h.Suspend(h.Context(), tx, x.Admin.ID, cli()) }))
	h.is(h.tx(func(tx *sql.Tx) error { _, err := h.Remove(h.Context(), tx, x.Admin.ID, cli()); return err }), signin.ErrState)
}

// The last local super admin stays, as the provider may be gone; one of the
// provider's may go while there is another of either kind.
func TestTheLastLocalSuperAdminStays(t *testing.T) {
	h := newFederated(t)
	sam := h.comes(h.sam(access.SuperAdmin))
	suspend := func(id string) error {
		return h.tx(func(tx *sql.Tx) error { return h.Suspend(h.Context(), tx, id, cli()) })
	}
	h.is(suspend(sam.Admin.ID), signin.ErrLastSuperAdmin) // there is no other at all
	p := h.join(amy, access.SuperAdmin)
	h.is(suspend(p.admin.ID), signin.ErrLastSuperAdmin)
	h.is(h.tx(func(tx *sql.Tx) error { return h.SetRole(h.Context(), tx, p.admin.ID, access.OrgAdmin, cli()) }), signin.ErrLastSuperAdmin)
	h.must(suspend(sam.Admin.ID))
	h.refused(errOf(h.Federated(h.Context(), h.sam(access.SuperAdmin), desk())), federation.NotActive)
	h.must(h.tx(func(tx *sql.Tx) error { return h.Unsuspend(h.Context(), tx, sam.Admin.ID, cli()) }))
	h.comes(h.sam(access.SuperAdmin))
}

// A local account of that name is nobody's to take over, whatever the case, and
// whenever the provider begins to say it.
func TestALocalAccountIsNotTakenOver(t *testing.T) {
	h := newFederated(t)
	h.join(amy, access.SuperAdmin)
	who := h.sam(access.SuperAdmin)
	who.Login = " aMY@example.COM"
	h.refused(errOf(h.Federated(h.Context(), who, desk())), federation.LoginTaken)
	h.comes(h.sam(access.HelpDeskAdmin))
	h.refused(errOf(h.Federated(h.Context(), who, desk())), federation.LoginTaken)
	h.must(h.tx(func(tx *sql.Tx) error {
		a, err := h.AdminByLogin(h.Context(), tx, "sam@example.com")
		if err == nil && a.Role != access.HelpDeskAdmin {
			err = fmt.Errorf("the refused sign-in left the role %s", a.Role)
		}
		return err
	}))
}

// A sign-in of this morning at the provider is not a fresh one here.
func TestFreshnessIsTheProviders(t *testing.T) {
	h := newFederated(t)
	who := h.sam(access.HelpDeskAdmin)
	who.At = h.now.Add(-time.Hour)
	x := h.comes(who)
	found, err := h.Find(h.Context(), x.Token.Text())
	if h.must(err); h.Fresh(x, signin.FreshFor) || h.Fresh(found, signin.FreshFor) {
		t.Error("a sign-in of an hour ago is fresh")
	}
	h.must(h.ReauthenticateFederated(h.Context(), x.Token.Text(), x.ID, h.sam(access.HelpDeskAdmin), desk()))
	found, err = h.Find(h.Context(), x.Token.Text())
	if h.must(err); !h.Fresh(found, signin.FreshFor) {
		t.Error("it is not fresh")
	}
	ahead := h.sam(access.HelpDeskAdmin)
	ahead.At = h.now.Add(time.Minute) // a clock that is fast
	h.must(h.ReauthenticateFederated(h.Context(), x.Token.Text(), x.ID, ahead, desk()))
	found, err = h.Find(h.Context(), x.Token.Text())
	if h.must(err); !h.Fresh(found, signin.FreshFor) || found.AuthenticatedAt.After(h.now) {
		t.Errorf("%s", found.AuthenticatedAt)
	}
	h.is(h.ReauthenticateFederated(h.Context(), x.Token.Text(), "ses0", h.sam(access.HelpDeskAdmin), desk()), signin.ErrNoSession)
	h.is(h.ReauthenticateFederated(h.Context(), "", x.ID, h.sam(access.HelpDeskAdmin), desk()), signin.ErrNoSession)
	another := h.sam(access.HelpDeskAdmin)
	another.Subject, another.Login = "s2", "kim@example.com"
	h.refused(h.ReauthenticateFederated(h.Context(), x.Token.Text(), x.ID, another, desk()), federation.Another)
}

// The provider says that sessions are over: those that are its own.
func TestSessionsEndWithTheProviders(t *testing.T) {
	h := newFederated(t)
	local := h.join(amy, access.SuperAdmin)
	elsewhere := h.sam(access.HelpDeskAdmin)
	elsewhere.SessionID = "sid 2"
	one, two := h.comes(h.sam(access.HelpDeskAdmin)), h.comes(elsewhere)
	open := func(want ...bool) {
		t.Helper()
		for i, x := range []signin.Session{one, two, local.session} {
			if _, err := h.Find(h.Context(), x.Token.Text()); (err == nil) != want[i] {
				t.Errorf("session %d: %v", i, err)
			}
		}
	}
	for _, nobodys := range []federation.Ended{{Issuer: idp, Subject: "s9"}, {Issuer: idp, SessionID: "sid 9"}, {Issuer: "https://other.example.com", Subject: "s1"},
		{Issuer: idp, Subject: "s9", SessionID: "sid 1"}, {Issuer: "", Subject: ""}} {
		h.must(h.EndFederated(h.Context(), nobodys, desk()))
	}
	open(true, true, true)
	h.must(h.EndFederated(h.Context(), federation.Ended{Issuer: idp, SessionID: "sid 1"}, desk()))
	open(false, true, true)
	one = h.comes(h.sam(access.HelpDeskAdmin))
	h.must(h.EndFederated(h.Context(), federation.Ended{Issuer: idp, Subject: "s1"}, desk()))
	open(false, false, true)
	if e := h.last(systemlog.SessionEnd); e.Detail["sessions"] != "2" || e.Actor.AlternateID != "sam@example.com" {
		t.Errorf("%+v", e)
	}
	// The token of the sign-out there is sealed, and prints nowhere.
	x := h.comes(h.sam(access.HelpDeskAdmin))
	var stored string
	h.must(h.tx(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT id_token FROM admin_sessions WHERE id = $1`, x.ID).Scan(&stored)
	}))
	was, err := h.SignOut(h.Context(), x.Token.Text())
	if h.must(err); !was.Federated || was.IDToken.Text() != "the ID token" || stored == "" || strings.Contains(stored+fmt.Sprintf("%v %#v", was, was), "the ID token") {
		t.Errorf("%q %+v", stored, was)
	}
}

// Refused answers wait by themselves: local accounts do not.
func TestRefusedAnswersWait(t *testing.T) {
	h := newFederated(t)
	p := h.join(amy, access.SuperAdmin)
	for range signin.ClientTries {
		h.must(h.FederatedWait(h.Context(), desk()))
		h.must(h.FederatedRefused(h.Context(), federation.Identity{}, federation.Refuse(federation.NoFlow, "no"), desk()))
	}
	h.throttled(h.FederatedWait(h.Context(), desk()), signin.ClientWindow)
	if e := h.last(systemlog.ClientLimit); e.Severity != systemlog.Warn || e.Detail["misses"] != "20" {
		t.Errorf("%+v", e)
	}
	h.must(h.FederatedWait(h.Context(), from("192.0.2.8")))
	p.signIn()
	h.pass(signin.ClientWindow)
	h.must(h.FederatedWait(h.Context(), desk()))
}
