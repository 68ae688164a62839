package signin_test

import (
	"context"
	"database/sql"
	"encoding/base32"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const (
	origin = "https://mfa.example.com:8443"
	amy    = "Amy@example.com"
	phrase = "plum engine violin 7"
)

// house is a service on a new database, with a clock of its own.
type house struct {
	testing.TB
	*signin.Service
	db     *store.DB
	path   string
	vault  *vault.Vault
	log    *systemlog.Log
	now    time.Time
	hashes atomic.Int64 // computed passwords
}

func newHouse(t testing.TB) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{TB: t, now: time.Date(2026, 11, 24, 9, 0, 7, 0, time.UTC), path: storetest.Where(t)}
	v, err := vault.Create(filepath.Join(dir, "master.key"))
	h.must(err)
	h.vault = v
	h.db, err = store.Open(context.Background(), h.path)
	h.must(err)
	t.Cleanup(func() { h.db.Close() })
	clock := func() time.Time { return h.now }
	h.log = systemlog.New(v.Key(vault.ForLog), clock)
	h.Service, err = signin.New(signin.Config{DB: h.db, Vault: v, Log: h.log, Now: clock, PublicURL: origin})
	h.must(err)
	signin.Cheapen(h.Service, func() { h.hashes.Add(1) })
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// is ends the test where an error is not the one that is wanted.
func (h *house) is(err, want error) {
	h.Helper()
	if !errors.Is(err, want) || err == nil {
		h.Fatalf("%v, want %v", err, want)
	}
}

// throttled ends the test where an error is not the wait that is wanted.
func (h *house) throttled(err error, wait time.Duration) {
	h.Helper()
	var e *signin.ThrottledError
	if !errors.As(err, &e) || e.Wait != wait {
		h.Fatalf("%v, want a wait of %s", err, wait)
	}
}

func (h *house) pass(d time.Duration) { h.now = h.now.Add(d) }

// tx runs do in a transaction and returns its error.
func (h *house) tx(do func(tx *sql.Tx) error) error { return h.db.Update(h.Context(), do) }

// pardon ends all waits.
func (h *house) pardon() {
	h.Helper()
	h.must(h.tx(func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM sign_in_failures`); return err }))
}

func from(address string) systemlog.Client {
	return systemlog.Client{IPAddress: address, UserAgent: "Firefox"}
}

func desk() systemlog.Client { return from("192.0.2.7") }

func cli() signin.By { return signin.By{Actor: systemlog.System()} }

// invite makes an account and returns its set-up code.
func (h *house) invite(login string, role access.Role) (a signin.Admin, code string) {
	h.Helper()
	var made signin.Secret
	h.must(h.tx(func(tx *sql.Tx) (err error) {
		a, made, err = h.Create(h.Context(), tx, signin.NewAdmin{Login: login, Name: "Amelia Berg", Role: role}, cli())
		return err
	}))
	return a, made.Text()
}

// person is an administrator at a browser.
type person struct {
	*house
	login, password string
	admin           signin.Admin
	key             totp.Key
	codes           []signin.Secret
	session         signin.Session
	addresses       int
}

// join sets an account up with an app.
func (h *house) join(login string, role access.Role) *person {
	h.Helper()
	a, code := h.invite(login, role)
	return h.setUp(a, code)
}

func (h *house) setUp(a signin.Admin, code string) *person {
	h.Helper()
	p := &person{house: h, login: a.Login, password: phrase, admin: a}
	begun, err := h.BeginSetUp(h.Context(), a.Login, code, desk())
	h.must(err)
	h.must(h.SetPassword(h.Context(), begun.Token.Text(), p.password))
	p.key = h.appKey(begun.Token.Text())
	p.codes, p.session, err = h.ConfirmTOTP(h.Context(), begun.Token.Text(), p.code())
	h.must(err)
	return p
}

// appKey is what an app reads off the screen.
func (h *house) appKey(token string) totp.Key {
	h.Helper()
	_, text, err := h.TOTPSecret(h.Context(), token)
	h.must(err)
	return keyFromText(h, text)
}

// code is what the app shows, after the step of the code before has ended.
func (p *person) code() string {
	p.pass(totp.Period)
	return p.key.Code(totp.Step(p.now))
}

// begin is the password's step.
func (p *person) begin() string {
	p.Helper()
	half, err := p.Begin(p.Context(), p.login, p.password, desk())
	p.must(err)
	return half.Token.Text()
}

// signIn is a whole sign-in with the app.
func (p *person) signIn() signin.Session {
	p.Helper()
	x, err := p.WithTOTP(p.Context(), p.begin(), p.code(), desk())
	p.must(err)
	return x
}

// events are those of a type, the oldest first.
func (h *house) events(kind string) (found []systemlog.Event) {
	h.Helper()
	h.must(h.tx(func(tx *sql.Tx) (err error) {
		found, err = h.log.Find(h.Context(), tx, systemlog.Query{Type: kind, Limit: systemlog.MaxLimit})
		return err
	}))
	return found
}

// last is the newest event of a type.
func (h *house) last(kind string) systemlog.Event {
	h.Helper()
	found := h.events(kind)
	if len(found) == 0 {
		h.Fatalf("no event %s", kind)
	}
	return found[len(found)-1]
}

// key is a passkey in software.
type key struct {
	*house
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

func (h *house) newKey() *key {
	host, _, _ := strings.Cut(strings.TrimPrefix(origin, "https://"), ":")
	return &key{house: h, site: virtualwebauthn.RelyingParty{Name: "Latchkey", ID: host, Origin: origin}, auth: virtualwebauthn.NewAuthenticator(),
		cred: newCredential()}
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

// register answers BeginPasskey.
func (k *key) register(token string) []byte {
	k.Helper()
	options, err := k.BeginPasskey(k.Context(), token)
	k.must(err)
	read, err := virtualwebauthn.ParseAttestationOptions(string(options))
	k.must(err)
	k.auth.Options.UserHandle = []byte(read.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(k.site, k.auth, k.cred, *read))
}

// prove answers PasskeyChallenge.
func (k *key) prove(token string) []byte {
	k.Helper()
	options, err := k.PasskeyChallenge(k.Context(), token)
	k.must(err)
	return k.answer(options)
}

func (k *key) answer(options []byte) []byte {
	k.Helper()
	read, err := virtualwebauthn.ParseAssertionOptions(string(options))
	k.must(err)
	return []byte(virtualwebauthn.CreateAssertionResponse(k.site, k.auth, k.cred, *read))
}

// keyFromText reads a key as an app does that it is typed into.
func keyFromText(h *house, text string) totp.Key {
	h.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text, " ", ""))
	h.must(err)
	k, err := totp.KeyFrom(raw)
	h.must(err)
	return k
}

// exec changes the database behind the service's back.
func (h *house) exec(statement string, args ...any) error {
	return h.tx(func(tx *sql.Tx) error { _, err := tx.Exec(statement, args...); return err })
}

// signsOut ends the session of a token, or of what is none.
func (h *house) signsOut(token string) {
	h.Helper()
	_, err := h.SignOut(h.Context(), token)
	h.must(err)
}
