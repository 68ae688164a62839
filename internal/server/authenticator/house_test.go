package authenticator_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/phonetest"
	"github.com/latchkey-mfa/latchkey/internal/server/authenticator"
	"github.com/latchkey-mfa/latchkey/internal/server/console"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/webpush"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}

// house is an org whose people have phones.
type house struct {
	*servertest.Org
	page *authenticator.Server
	url  string
	amy  directory.User
	mac  factor.Asker
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{Org: servertest.New(t)}
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	h.url = "https://localhost:" + port // a passkey needs a name
	var err error
	h.Factors.Party, err = credential.NewParty(h.url)
	h.must(err)
	push, err := webpush.New(context.Background(), webpush.Config{DB: h.DB, Vault: h.Vault, Log: h.Log, Factors: h.Factors, Zap: zap.NewNop(), PublicURL: h.url})
	h.must(err)
	h.page = authenticator.New(authenticator.Config{DB: h.DB, Log: h.Log, Factors: h.Factors, Push: push, Zap: zap.NewNop(), Now: h.Now})
	h.Factors.Sent = h.page.Sent
	mux := http.NewServeMux()
	mux.Handle("/authenticator/", h.page.Handler())
	mux.Handle("/", h.console())
	server.Config.Handler = mux
	server.Config.RegisterOnShutdown(h.page.Close)
	server.StartTLS()
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.page.Run(ctx) }()
	t.Cleanup(func() { stop(); h.must(<-ended) })
	h.amy = h.join("amy@example.com")
	h.mac = h.newMac("C02AMY")
	return h
}

// console has the style sheet.
func (h *house) console() http.Handler {
	h.T.Helper()
	signIn, err := signin.New(signin.Config{DB: h.DB, Vault: h.Vault, Log: h.Log, Now: h.Now, PublicURL: h.url, Hasher: h.Factors.Hasher})
	h.must(err)
	d := &desk.Desk{DB: h.DB, Log: h.Log, Book: h.Book, Challenges: h.Challenges, Factors: h.Factors, Now: h.Now}
	c, err := console.New(console.Options{Desk: d, SignIn: signIn, Zap: zap.NewNop(), Now: h.Now, PublicURL: h.url})
	h.must(err)
	return c.Handler()
}

func (h *house) must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

func (h *house) join(login string) (u directory.User) {
	h.T.Helper()
	h.Update(func(tx *sql.Tx) (err error) {
		u, err = directory.CreateUser(context.Background(), tx, directory.User{Login: login, FirstName: "Amy", LastName: "Berg"}, h.Now())
		return err
	})
	return u
}

// newMac is a Mac that asks for people.
func (h *house) newMac(serial string) factor.Asker {
	h.T.Helper()
	id := "dev" + strings.ToLower(serial)
	h.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, model, os, agent, zone, search_key, status, trust, certificate, claim, token_hash,
			token_old_hash, last_seq, last_answer, seen_at, clock, armed_state, armed_reason, killswitch, policy_state, policy_sha256, policy_errors, policy_effective, created_at, updated_at)
			VALUES ($1, $2, $2, $2, $2, $3, '', '', '', '', '', 'ACTIVE', 'BOUND', $1, '', '', '', 1, '', 5, '', 'armed', '', FALSE, '', '', '', '{}', 1, 1)`, id, serial, "Amy’s MacBook Air")
		return err
	})
	return factor.Asker{ClientID: "cli1", Device: directory.Device{ID: id, Serial: serial}, From: systemlog.Client{IPAddress: "192.0.2.7"}}
}

// invite is a link for a user.
func (h *house) invite(u directory.User, kind string) string {
	h.T.Helper()
	var code string
	h.Update(func(tx *sql.Tx) (err error) {
		_, code, err = h.Factors.Invite(context.Background(), tx, u, kind, factor.By{Actor: systemlog.System()})
		return err
	})
	return factor.InvitationURL(h.url, code)
}

// visitor is a browser that was never here.
func (h *house) visitor() *phonetest.Phone {
	h.T.Helper()
	// The test's certificate is for another name.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	h.T.Cleanup(transport.CloseIdleConnections)
	p, err := phonetest.New(h.url, transport)
	h.must(err)
	return p
}

// phone is one that is set up.
func (h *house) phone(u directory.User, name string) *phonetest.Phone {
	h.T.Helper()
	p := h.visitor()
	_, err := p.Open(context.Background(), h.invite(u, factor.KindPush))
	h.must(err)
	s, err := p.Enrol(context.Background(), name)
	h.must(err)
	if s.State != "locked" || s.Phone != name {
		h.T.Fatalf("after the set-up: %+v", s)
	}
	return p
}

func (h *house) unlocked(u directory.User, name string) *phonetest.Phone {
	h.T.Helper()
	p := h.phone(u, name)
	_, err := p.Unlock(context.Background())
	h.must(err)
	return p
}

// asks sends a push; the number is the one on the Mac.
func (h *house) asks(u directory.User) (id, number string) {
	h.T.Helper()
	s, err := h.Factors.Subject(context.Background(), u.Login)
	h.must(err)
	c, err := h.Factors.Push(context.Background(), s, "", h.mac)
	h.must(err)
	h.Update(func(tx *sql.Tx) error {
		all, err := h.Factors.PushesOf(context.Background(), tx, u.ID)
		for _, p := range all {
			if p.State == factor.Waiting {
				id = p.ID
			}
		}
		return err
	})
	return id, c.Number
}

// refused wants a refusal with that code.
func (h *house) refused(err error, code string) *phonetest.Refusal {
	h.T.Helper()
	var no *phonetest.Refusal
	if !errors.As(err, &no) || no.Code != code {
		h.T.Fatalf("%v, want the refusal %q", err, code)
		return nil
	}
	return no
}

// told wants the last event of a type to have that reason.
func (h *house) told(kind, reason string) systemlog.Event {
	h.T.Helper()
	found := h.Events(kind)
	if len(found) == 0 {
		h.T.Fatalf("no event %s", kind)
	}
	e := found[len(found)-1]
	if e.Outcome.Reason != reason {
		h.T.Errorf("%s: the reason is %q, want %q", kind, e.Outcome.Reason, reason)
	}
	return e
}

// other is a number that is not on the Mac.
func other(number string) string {
	if number == "10" {
		return "11"
	}
	return "10"
}
