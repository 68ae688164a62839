package federationtest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:embed provider.mjs
var script string

// ClientID is the console's at the provider.
const ClientID = "latchkey"

// Person is what the provider says of somebody.
type Person struct {
	Login  string   `json:"preferred_username,omitempty"`
	Name   string   `json:"name,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// Provider is one that runs.
type Provider struct {
	t      testing.TB
	Issuer string
	in     io.Writer
	out    *bufio.Reader
}

// Start runs a provider for the consoles at these URLs. No secret is a public
// client. Where node or oidc-provider is not installed the test is skipped, in
// CI it fails.
func Start(t testing.TB, secret string, consoles ...string) *Provider {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "../../../../.cache/node_modules/oidc-provider")
	_, err := os.Stat(module)
	node := ""
	if err == nil {
		node, err = exec.LookPath("node")
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("oidc-provider is not installed: %v", err)
	}
	if err != nil {
		t.Skipf("oidc-provider is not installed (make test installs it as root on Debian): %v", err)
	}
	file := filepath.Join(t.TempDir(), "provider.mjs")
	options, err := json.Marshal(map[string]any{"module": module, "client": ClientID, "secret": secret, "console": consoles})
	if err = errors.Join(err, os.WriteFile(file, []byte(script), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, file, string(options))
	// It tells consoles of a sign-out, whose certificates are the tests' own.
	cmd.Env = append(cmd.Environ(), "NODE_TLS_REJECT_UNAUTHORIZED=0", "NODE_NO_WARNINGS=1")
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &Provider{t: t, in: in, out: bufio.NewReader(out)}
	p.Issuer = p.line()
	return p
}

func (p *Provider) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the provider says %q, %v", line, err)
	}
	return strings.TrimSpace(line)
}

// Knows has the provider know these people, by subject, and no others.
func (p *Provider) Knows(people map[string]Person) {
	p.t.Helper()
	raw, err := json.Marshal(people)
	if err == nil {
		_, err = p.in.Write(append(raw, '\n'))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if said := p.line(); said != "known" {
		p.t.Fatalf("the provider says %q", said)
	}
}

// Visitor is somebody's browser at the provider, with its cookies.
type Visitor struct {
	p      *Provider
	client *http.Client
}

// Visitor is a browser that nobody has signed in with.
func (p *Provider) Visitor() *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &Visitor{p: p, client: &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(r.URL.String(), p.Issuer) {
				return http.ErrUseLastResponse // that is the console's
			}
			return nil
		}}}
}

// SignsIn goes to the provider as the console says, signs in as the subject with
// these methods where the provider asks for it, and is what the provider sends
// the browser back with: path and query at the console.
func (v *Visitor) SignsIn(to, subject, methods string) string {
	v.p.t.Helper()
	return v.fills(to, url.Values{"sub": {subject}, "amr": {methods}})
}

// Refuses is SignsIn for somebody who does not want to.
func (v *Visitor) Refuses(to string) string {
	v.p.t.Helper()
	return v.fills(to, url.Values{"no": {"1"}})
}

func (v *Visitor) fills(to string, form url.Values) string {
	v.p.t.Helper()
	a := v.send(http.MethodGet, to, nil)
	if a.status == http.StatusOK { // the login page; else there was a session
		a = v.send(http.MethodPost, a.at, form)
	}
	if a.to == nil {
		v.p.t.Fatalf("the provider answers %d at %s: %s", a.status, a.at, a.body)
	}
	return a.to.RequestURI()
}

// answer is what came of a request.
type answer struct {
	status   int
	at, body string
	to       *url.URL // where it leads; nil for nowhere
}

func (v *Visitor) send(method, to string, form url.Values) answer {
	v.p.t.Helper()
	r, err := http.NewRequestWithContext(v.p.t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		v.p.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.p.t.Fatal(err)
	}
	leads, _ := response.Location()
	return answer{status: response.StatusCode, at: response.Request.URL.String(), body: string(body), to: leads}
}

// SignsOut goes where the console leads to, and signs out at the provider.
func (v *Visitor) SignsOut(to string) {
	v.p.t.Helper()
	page := v.send(http.MethodGet, to, nil)
	xsrf := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindStringSubmatch(page.body)
	if xsrf == nil {
		v.p.t.Fatalf("the provider answers %d: %s", page.status, page.body)
	}
	if a := v.send(http.MethodPost, v.p.Issuer+"/session/end/confirm", url.Values{"xsrf": {xsrf[1]}, "logout": {"yes"}}); a.status != http.StatusSeeOther {
		v.p.t.Fatalf("the provider answers %d: %s", a.status, a.body)
	}
}
