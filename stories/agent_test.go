package stories

import (
	"context"
	"encoding/base32"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// browser is the person's, without a script.
type browser struct {
	m      *mac
	client *http.Client
	root   string
	page   string
}

// startsTheAgent is a session of reception's that begins, with a home of its
// own. The agent ends with the story.
func (m *mac) startsTheAgent() (home string) {
	m.t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			m.t.Fatal("needs root: only root can be reception")
		}
		m.t.Skip("needs root: only root can be reception")
	}
	home = m.Path("home")
	m.must(os.Mkdir(home, 0o700))
	uid := int(trial.Reception().UID)
	m.must(os.Chown(home, uid, 20))
	agent := exec.CommandContext(context.WithoutCancel(m.t.Context()), filepath.Join(m.Bin, "latchkey"), "agent", "--sockets", m.Sockets())
	agent.Env = []string{"HOME=" + home}
	agent.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: 20}, Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	agent.Stdout, agent.Stderr = &out, &out
	m.must(agent.Start())
	m.t.Cleanup(func() {
		_ = agent.Process.Signal(syscall.SIGTERM)
		if err := agent.Wait(); err != nil {
			m.t.Errorf("the agent ended with %v:\n%s", err, out.String())
		}
	})
	return home
}

// opensThePage follows the file that the agent opens in the browser.
func (m *mac) opensThePage(home string) *browser {
	m.t.Helper()
	door := filepath.Join(home, ".cache", "latchkey", "open-latchkey.html")
	var raw []byte
	m.must(m.Until("the agent opens its page", func() (bool, error) {
		var err error
		raw, err = os.ReadFile(door)
		return err == nil, nil
	}))
	if info, err := os.Stat(door); err != nil || info.Mode().Perm() != 0o600 {
		m.t.Errorf("the file with the key is %v, %v", info.Mode(), err)
	}
	address := regexp.MustCompile(`url=(http://[^"]+)"`).FindSubmatch(raw)
	jar, err := cookiejar.New(nil)
	m.must(err)
	b := &browser{m: m, client: &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	at, err := url.Parse(string(address[1]))
	m.must(err)
	b.root = "http://" + at.Host
	response, err := b.client.Get(at.String())
	m.must(err)
	return b.takes(response)
}

func (b *browser) takes(response *http.Response) *browser {
	b.m.t.Helper()
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	b.m.must(err)
	if b.page = string(raw); response.StatusCode != http.StatusOK {
		b.m.t.Fatalf("%d\n%s", response.StatusCode, b.page)
	}
	return b
}

// sends sends the form of the page.
func (b *browser) sends(path string, form url.Values) *browser {
	b.m.t.Helper()
	if seq := regexp.MustCompile(`name="seq" value="(\d+)"`).FindStringSubmatch(b.page); seq != nil {
		form.Set("seq", seq[1])
	}
	response, err := b.client.PostForm(b.root+path, form)
	b.m.must(err)
	return b.takes(response)
}

func (b *browser) sees(words string) *browser {
	b.m.t.Helper()
	if !strings.Contains(b.page, words) {
		b.m.t.Fatalf("no %q on the page:\n%s", words, b.page)
	}
	return b
}

// The phone is lost, a PIN let its owner in, and the session's agent shows how
// long it works: on its page a new phone is set up, and the old one goes.
func TestTheAgentLeadsToANewFactor(t *testing.T) {
	m := aMac(t).enrolled()
	home := m.startsTheAgent()
	lost := m.phone.Key
	pin := m.pin()
	m.in((*person).Contacts, enters("the PIN", pin), later)
	b := m.opensThePage(home).sees("Your recovery PIN works for another").sees("Device access code, since")
	b.sends("/begin", url.Values{}).sees("Recovery PIN")
	b.sends("/act", url.Values{"action": {"submit"}, "choice": {"recovery_pin_window"}}).sees("recovery PIN")
	b.sends("/act", url.Values{"action": {"submit"}, "field-pin": {pin}}).sees("Set up another: Device access code")
	b.sends("/act", url.Values{"action": {"submit"}, "choice": {"Offline_TOTP"}}).sees("<svg")
	key := regexp.MustCompile(`<dd>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})</dd>`).FindStringSubmatch(b.page)
	if key == nil {
		t.Fatalf("no key on the page:\n%s", b.page)
	}
	fresh := m.keyOf(key[1])
	b.sends("/act", url.Values{"action": {"submit"}, "field-code": {fresh.Code(totp.Step(m.Clocks.Now()))}}).sees("There is an older one")
	b.sends("/act", url.Values{"action": {"submit"}}).sees("Done.")
	m.must(m.Pass(2 * time.Hour))
	m.phone.Key = lost
	m.out(theScreenForACode, func(p *person) error { return p.EntersCode() }, sees("That code is not right"))
	m.phone.Key = fresh
	m.in(theCode)
}

func (m *mac) keyOf(text string) totp.Key {
	m.t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text, " ", ""))
	m.must(err)
	key, err := totp.KeyFrom(raw)
	m.must(err)
	return key
}
