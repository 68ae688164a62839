package agent

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// theDaemon shows one screen after the other and keeps what is done.
type theDaemon struct {
	screens []wire.Screen

	mu   sync.Mutex
	acts []wire.Act
}

func (d *theDaemon) Mine(context.Context) (wire.Mine, error) {
	return wire.Mine{Name: "ada", Governed: true, Linked: "ada@acme.example", WindowLeftSeconds: 1800, Factors: []wire.Factor{{ID: "oc1", Kind: "Offline_TOTP", At: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}}}, nil
}

func (d *theDaemon) Enrol(ctx context.Context, p Panel) (bool, error) {
	for _, s := range d.screens {
		p.Show(s)
		select {
		case act := <-p.Acts():
			d.mu.Lock()
			d.acts = append(d.acts, act)
			d.mu.Unlock()
			if act.Action == wire.ActionBack {
				return false, nil
			}
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return true, nil
}

func (d *theDaemon) did() []wire.Act {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]wire.Act(nil), d.acts...)
}

// site is a page that is served, and a browser of the person's.
type site struct {
	t      *testing.T
	daemon *theDaemon
	page   *Page
	client *http.Client
	body   string
	status int
}

func newSite(t *testing.T, screens ...wire.Screen) *site {
	t.Helper()
	s := &site{t: t, daemon: &theDaemon{screens: screens}}
	s.page = &Page{Daemon: s.daemon}
	ctx, stop := context.WithCancel(context.Background())
	l, err := s.page.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.page.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); served.Wait() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second}
	return s
}

func (s *site) root() string { return "http://" + s.page.host }

func (s *site) does(req *http.Request) *site {
	s.t.Helper()
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.body, s.status = string(raw), resp.StatusCode
	return s
}

func (s *site) get(address string) *site {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.does(req)
}

func (s *site) post(path string, form url.Values, header ...string) *site {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.root()+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return s.does(req)
}

func (s *site) sees(words ...string) *site {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.body, w) {
			s.t.Fatalf("no %q on the page (%d):\n%s", w, s.status, s.body)
		}
	}
	return s
}

func (s *site) seq() string {
	found := regexp.MustCompile(`name="seq" value="(\d+)"`).FindStringSubmatch(s.body)
	if found == nil {
		s.t.Fatalf("no form on the page:\n%s", s.body)
	}
	return found[1]
}

func enrolScreen() wire.Screen {
	s := codeScreen()
	s.Seq, s.Title, s.QR = 8, "Set up <b>it</b>", "otpauth://totp/acme.example:Mac?secret=AAAA"
	s.Facts = []wire.Fact{{Label: "Key", Value: "AAAA BBBB"}}
	return s
}

func TestAFactorIsSetUpOnThePage(t *testing.T) {
	s := newSite(t, codeScreen(), enrolScreen())
	s.get(s.page.Address()).sees("Your second factors", "ada@acme.example", "24 November 2026", "30 minutes")
	s.post("/begin", nil).sees("Enter your code", "Another way")
	s.post("/act", url.Values{"seq": {s.seq()}, "action": {"submit"}, "field-code": {"123456"}, "field-other": {"x"}}).
		sees("Set up &lt;b&gt;it&lt;/b&gt;", "<svg", "AAAA BBBB")
	s.post("/act", url.Values{"seq": {s.seq()}, "action": {"submit"}, "field-code": {"654321"}}).sees("Done.")
	acts := s.daemon.did()
	if len(acts) != 2 || acts[0].Values["code"] != "123456" || len(acts[0].Values) != 1 || acts[0].Seq != 7 || acts[1].Seq != 8 {
		t.Errorf("acts %+v", acts)
	}
	s.post("/begin", nil)
	s.post("/act", url.Values{"seq": {s.seq()}, "action": {"back"}}).sees("Closed.")
}

// TestThePageIsForOneBrowser: other people of this computer, and other sites in
// this browser, get nothing.
func TestThePageIsForOneBrowser(t *testing.T) {
	s := newSite(t, codeScreen())
	address := s.page.Address()
	refused := func(why string, status int) {
		t.Helper()
		if s.status != status || strings.Contains(s.body, "Another way") || strings.Contains(s.body, "ada@acme") {
			t.Errorf("%s: %d\n%s", why, s.status, s.body)
		}
	}
	s.get(s.root() + "/")
	refused("without the key", 403)
	s.get(s.root() + "/open/wrong")
	refused("a wrong key", 403)
	s.post("/begin", nil)
	refused("a form without the cookie", 403)
	s.get(s.root() + "/changed?version=0")
	refused("waiting without the cookie", 403)

	s.get(address).sees("Your second factors")
	theirs := *s
	theirs.client = &http.Client{Transport: s.client.Transport}
	theirs.get(address)
	if theirs.status != 403 {
		t.Errorf("the key works twice: %d", theirs.status)
	}
	s.post("/begin", nil, "Origin", "https://evil.example")
	refused("a form of another site", 403)
	s.post("/begin", nil, "Sec-Fetch-Site", "cross-site")
	refused("a form of another site", 403)
	rebound, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.root()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	rebound.Host = "evil.example"
	s.does(rebound)
	refused("a name that was made to lead here", 421)
	s.post("/act", url.Values{"seq": {"1"}, "field-code": {strings.Repeat("1", maxForm)}})
	if s.status != 400 {
		t.Errorf("a form that is too large: %d", s.status)
	}
	if again := s.page.Address(); again == address {
		t.Error("a key that was used is given out again")
	}
}

func TestThePageTellsOfAChange(t *testing.T) {
	s := newSite(t, codeScreen())
	s.get(s.page.Address())
	version := regexp.MustCompile(`data-version="(\d+)"`).FindStringSubmatch(s.body)[1]
	s.post("/begin", nil)
	if s.get(s.root() + "/changed?version=" + version); s.status != 200 {
		t.Errorf("status %d", s.status)
	}
	if s.get(s.root() + "/changed?version=none"); s.status != 204 {
		t.Errorf("status %d", s.status)
	}
}
