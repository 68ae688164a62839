package console_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/console"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// site is an org server with its console, and Macs that have checked in.
type site struct {
	*servertest.Org
	*console.Console
	url   string
	pages atomic.Pointer[http.Handler]
}

func newSite(t testing.TB) *site {
	t.Helper()
	o := servertest.New(t)
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	s := &site{Org: o, url: "https://localhost:" + port} // a passkey needs a name
	s.serve(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.pages.Load()).ServeHTTP(w, r) })
	server.StartTLS()
	t.Cleanup(server.Close)
	return s
}

// serve makes the pages, with a provider or none.
func (s *site) serve(provider *federation.Provider) {
	s.T.Helper()
	o := s.Org
	c := signin.Config{DB: s.DB, Vault: s.Vault, Log: s.Log, Now: o.Now, PublicURL: s.url, Hasher: o.Factors.Hasher}
	if provider != nil {
		c.Issuer = provider.Issuer
	}
	signIn, err := signin.New(c)
	if err != nil {
		s.T.Fatal(err)
	}
	d := &desk.Desk{DB: o.DB, Log: o.Log, Book: o.Book, Challenges: o.Challenges, Factors: o.Factors, Accounts: signIn, Now: o.Now, MinAgent: "0.1.0"}
	s.Console, err = console.New(console.Options{Desk: d, SignIn: signIn, Zap: zap.NewNop(), Now: o.Now, PublicURL: s.url, Federation: provider})
	if err != nil {
		s.T.Fatal(err)
	}
	pages := s.Handler()
	s.pages.Store(&pages)
}

// Passes lets time pass on the server.
func (s *site) Now() time.Time { return s.Org.Now() }

const (
	amyGUID  = "4AC29C85-D847-4492-96CB-46E337170C33"
	password = "correct horse battery staple"
)

// mac is a Mac that the server knows.
type mac struct {
	s       *site
	id      servertest.Identity
	in      wire.CheckIn
	secret  recoverypin.Secret
	device  string // its id
	account string // amy's
}

// mac enrols a Mac with one account and a registered secret.
func (s *site) mac(serial, user string) *mac {
	s.T.Helper()
	m := &mac{s: s, id: s.Enrol(s.Challenge(pki.Dynamic, serial))}
	var err error
	if m.secret, err = recoverypin.NewSecret(rand.Reader); err != nil {
		s.T.Fatal(err)
	}
	first := s.Now()
	m.in = wire.CheckIn{V: 1, Boot: "boot-1", Wall: s.Now(), Clock: "anchored",
		Device: wire.Device{UDID: "udid-" + serial, Serial: serial, Name: user + "'s Mac", Model: "MacBookAir10,1", OS: "15.1", Agent: "0.1.0", Zone: "Europe/Zurich"},
		Armed:  wire.Armed{State: "armed", Reason: "ok"},
		Policy: wire.PolicyState{State: "good", SHA256: "ab", Effective: json.RawMessage(`{"DeviceRecoveryPINDuration":{"value":45,"origin":"forced"}}`)},
		Accounts: []wire.Account{{GUID: amyGUID, UID: 501, Name: user, FullName: "Full " + user, Governed: true, FirstGovernedAt: &first,
			Factors: []wire.Factor{{ID: "oc1", Kind: "Offline_TOTP", At: first}}}},
		Secrets: []wire.SecretUpload{{GUID: amyGUID, Generation: 1, Key: m.secret[:]}}}
	m.checkIn()
	m.in.Secrets = nil
	s.Update(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT d.id, a.id FROM devices d JOIN os_accounts a ON a.device_id = d.id WHERE d.serial = $1`, serial).Scan(&m.device, &m.account)
	})
	return m
}

// checkIn reports, with further events.
func (m *mac) checkIn(events ...wire.Event) wire.CheckInAnswer {
	m.s.T.Helper()
	m.in.Seq++
	m.in.Wall, m.in.Events = m.s.Now(), events
	status, answer, refusal := m.s.CheckIn(&m.id, m.in)
	if status != 200 {
		m.s.T.Fatalf("check-in: %d %+v", status, refusal)
	}
	if answer.Token != "" {
		m.in.Token = answer.Token
	}
	return answer
}

func (m *mac) path(rest string) string { return "/devices/" + m.device + rest }

// ofAmy is the address of a page about the account.
func (m *mac) ofAmy(rest string) string { return m.path("/accounts/" + m.account + rest) }

// browser is a person with a session, without a browser of the real kind.
type browser struct {
	s       *site
	client  *http.Client
	cookies map[string]*http.Cookie
	key     totp.Key
	login   string
	codes   []string // recovery codes
}

// visitor has no session.
func (s *site) visitor() *browser {
	server := &http.Client{Transport: s.client(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 30 * time.Second}
	s.T.Cleanup(server.CloseIdleConnections)
	return &browser{s: s, client: server, cookies: map[string]*http.Cookie{}}
}

// client trusts the test server's certificate, whose name is another.
func (s *site) client() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
}

// invited is an account that waits to be set up, with its code.
func (s *site) invited(login string, role access.Role) (code string) {
	s.T.Helper()
	s.Update(func(tx *sql.Tx) error {
		_, secret, err := s.SignIn.Create(context.Background(), tx, signin.NewAdmin{Login: login, Name: login, Role: role}, signin.By{Actor: systemlog.System()})
		code = secret.Text()
		return err
	})
	return code
}

// admin is an administrator who has set up and is signed in.
func (s *site) admin(login string, role access.Role) *browser {
	s.T.Helper()
	b := s.visitor()
	b.login = login
	b.post("/set-up", url.Values{"login": {login}, "code": {s.invited(login, role)}}).to("/set-up/password")
	b.post("/set-up/password", url.Values{"password": {password}}).to("/set-up/factor")
	page := b.get("/set-up/factor").has("authenticator app")
	b.key = keyIn(s.T, page.body)
	page = b.post("/set-up/code", url.Values{"code": {b.code()}}).has("Your recovery codes")
	for _, m := range regexp.MustCompile(`<li>([^<]+)</li>`).FindAllStringSubmatch(page.body[strings.Index(page.body, "codes mono"):], -1) {
		b.codes = append(b.codes, m[1])
	}
	return b
}

// keyIn reads the key off the page that sets an app up.
func keyIn(t testing.TB, body string) totp.Key {
	t.Helper()
	text := regexp.MustCompile(`data-secret(?:="")?>([A-Z2-7 ]+)<`).FindStringSubmatch(body)
	if text == nil {
		t.Fatalf("no key on the page:\n%s", body)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text[1], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	key, err := totp.KeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// code is what the app shows.
func (b *browser) code() string { return b.key.Code(totp.Step(b.s.Now())) }

// answer is what came of a request.
type answer struct {
	b      *browser
	status int
	header http.Header
	body   string
	what   string
}

func (b *browser) get(path string) answer { b.s.T.Helper(); return b.send("GET", path, nil, nil) }

func (b *browser) post(path string, form url.Values) answer {
	b.s.T.Helper()
	return b.send("POST", path, form, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": b.s.url})
}

func (b *browser) send(method, path string, form url.Values, header map[string]string) answer {
	b.s.T.Helper()
	r, err := http.NewRequestWithContext(b.s.T.Context(), method, b.s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.T.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.s.T.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.s.T.Fatal(err)
	}
	for _, c := range response.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return answer{b: b, status: response.StatusCode, header: response.Header, body: string(raw), what: method + " " + path}
}

// to wants to be sent to that page.
func (a answer) to(path string) answer {
	a.b.s.T.Helper()
	at, _, _ := strings.Cut(a.header.Get("Location"), "?")
	if a.status != http.StatusSeeOther || at != path {
		a.b.s.T.Fatalf("%s: %d to %q, want to be sent to %q\n%s", a.what, a.status, a.header.Get("Location"), path, a.text())
	}
	return a
}

// has wants words on the page.
func (a answer) has(words ...string) answer {
	a.b.s.T.Helper()
	for _, w := range words {
		if !strings.Contains(a.text(), w) {
			a.b.s.T.Fatalf("%s: %d without %q:\n%s", a.what, a.status, w, a.text())
		}
	}
	return a
}

func (a answer) hasNot(words ...string) answer {
	a.b.s.T.Helper()
	for _, w := range words {
		if strings.Contains(a.body, w) {
			a.b.s.T.Errorf("%s: the page has %q", a.what, w)
		}
	}
	return a
}

func (a answer) is(status int) answer {
	a.b.s.T.Helper()
	if a.status != status {
		a.b.s.T.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.text())
	}
	return a
}

// text is the page as it is read.
func (a answer) text() string {
	plain := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(a.body, " ")
	plain = strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(plain)
	return regexp.MustCompile(`\s+`).ReplaceAllString(plain, " ")
}

// idOf reads the id of an administrator off the list.
func idOf(b *browser, login string) string {
	b.s.T.Helper()
	page := b.get("/administrators").body
	at := strings.Index(page, "<td>"+login+"</td>")
	found := regexp.MustCompile(`/administrators/([a-z0-9]+)/`).FindStringSubmatch(page[max(at, 0):])
	if at < 0 || found == nil {
		b.s.T.Fatalf("%s is not in the list", login)
	}
	return found[1]
}

// idOfSelf is an id that no page links to.
func idOfSelf(s *site, login string) (id string) {
	s.T.Helper()
	s.Update(func(tx *sql.Tx) error {
		a, err := s.SignIn.AdminByLogin(context.Background(), tx, login)
		id = a.ID
		return err
	})
	return id
}
