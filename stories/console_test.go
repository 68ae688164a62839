package stories

import (
	"crypto/tls"
	"encoding/base32"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// desk is a person at the console of the real server, without a script.
type desk struct {
	m      *mac
	client *http.Client
	page   string
	app    totp.Key
}

// opensTheConsole sets an administrator up, as the printed set-up code lets
// them.
func (m *mac) opensTheConsole() *desk {
	m.t.Helper()
	code, err := m.Invite("pat@example.com")
	m.must(err)
	jar, err := cookiejar.New(nil)
	m.must(err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} // the trial's certificate names no localhost
	d := &desk{m: m, client: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}}
	d.sends("/set-up", url.Values{"login": {"pat@example.com"}, "code": {code}})
	d.sends("/set-up/password", url.Values{"password": {"correct horse battery staple"}})
	key := d.reads(`data-secret>([A-Z2-7 ]+)<`)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(key, " ", ""))
	m.must(err)
	d.app, err = totp.KeyFrom(raw)
	m.must(err)
	d.sends("/set-up/code", url.Values{"code": {d.code()}})
	return d
}

func (d *desk) code() string { return d.app.Code(totp.Step(d.m.Clocks.Now())) }

// gets opens a page.
func (d *desk) gets(path string) {
	d.m.t.Helper()
	response, err := d.client.Get(d.m.Console() + path)
	d.m.must(err)
	d.takes(response)
}

// sends sends a form, and follows where it leads.
func (d *desk) sends(path string, form url.Values) {
	d.m.t.Helper()
	response, err := d.client.PostForm(d.m.Console()+path, form)
	d.m.must(err)
	d.takes(response)
}

func (d *desk) takes(response *http.Response) {
	d.m.t.Helper()
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	d.m.must(err)
	if d.page = string(raw); response.StatusCode != http.StatusOK {
		d.m.t.Fatalf("%s: %d\n%s", response.Request.URL.Path, response.StatusCode, d.page)
	}
}

// reads finds what stands on the page.
func (d *desk) reads(pattern string) string {
	d.m.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(d.page)
	if found == nil {
		d.m.t.Fatalf("nothing on the page is like %q:\n%s", pattern, d.page)
	}
	return found[1]
}

// The whole way, with nothing but a browser at the help desk: the Mac is found
// by what its screen shows, the PIN is read off the page and typed at the login
// window, the page tells that it was used, and the lost factor is reset.
func TestTheConsolesPINOpensTheMac(t *testing.T) {
	m := aMac(t).enrolled()
	d := m.opensTheConsole()
	d.gets("/devices?q=LKDEMO")
	d.gets(d.reads(`href="(/devices/[a-z0-9]+)"`))
	ask := d.reads(`href="(/devices/[a-z0-9]+/accounts/[a-z0-9]+/pin)"`)
	d.gets(ask)
	d.sends(ask, url.Values{"reason": {"lost phone"}})
	pin := regexp.MustCompile(`[^0-9]`).ReplaceAllString(d.reads(`(?s)id="pin"[^>]*>(.*?)</p>`), "")
	state := d.reads(`data-from="([^"]+)"`)
	m.out(aWrongPIN)
	m.in(thePIN(pin))
	_, err := m.Latchkey("check-in")
	m.must(err)
	d.gets(state)
	d.reads(`(Used at)`)
	d.sends(strings.TrimSuffix(ask, "/pin")+"/reset", nil)
	d.reads(`(reset pending)`)
	_, err = m.Latchkey("check-in")
	m.must(err)
	m.must(m.Pass(2 * time.Hour))
	m.out(sees("A second factor is needed"))
}

// A disarm that the console orders is heard by the real daemon, and so is its
// end: each is said to be obeyed at the check-in after.
func TestTheConsoleDisarmsTheMac(t *testing.T) {
	m := aMac(t).enrolled()
	d := m.opensTheConsole()
	heard := func() {
		for range 2 {
			_, err := m.Latchkey("check-in")
			m.must(err)
		}
	}
	m.must(m.Pass(time.Minute)) // to the next code of the app
	d.gets("/devices?q=LKDEMO")
	page := d.reads(`href="(/devices/[a-z0-9]+)"`)
	d.sends(page+"/disarm", url.Values{"reason": {"broken keyboard"}, "code": {d.code()}})
	d.reads(`(A remote disarm waits)`)
	heard()
	d.gets(page)
	d.reads(`(was told to let everybody in with the password alone)`)
	d.sends(page+"/disarm/end", nil)
	d.reads(`(The remote disarm ends at this Mac)`)
	heard()
	d.gets(page)
	d.reads(`(The last one ended)`)
}
