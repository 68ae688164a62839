package main

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/scep"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// accountsCap is how many accounts the servers below give PINs for.
const accountsCap = 3

// pair is two server processes on one PostgreSQL, each with a data folder of
// its own.
type pair struct {
	*testing.T
	data    string
	servers [2]*serverProcess
}

func newPair(t *testing.T) *pair {
	t.Helper()
	t.Setenv("LATCHKEY_DATABASE", storetest.Postgres(t).Empty(t))
	p := &pair{T: t, data: filepath.Join(t.TempDir(), "a")}
	local(t, "init", "--data", p.data)
	second := filepath.Join(t.TempDir(), "b")
	if err := os.Mkdir(second, 0o700); err != nil {
		t.Fatal(err)
	}
	// A server with another master key would make secrets that the first one
	// cannot open: it does not start.
	local(t, "init", "--data", filepath.Join(t.TempDir(), "other"), "--database", filepath.Join(t.TempDir(), "other.db"))
	other := local(t, "init", "--data", second, "--database", filepath.Join(second, "x.db"))
	if said := p.fails("serve", "--data", second, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"); !strings.Contains(said, "another master key, nothing was changed") {
		t.Fatalf("with another key (%s): %s", other, said)
	}
	key, err := os.ReadFile(filepath.Join(p.data, "master.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(second, "master.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATCHKEY_TOKEN", local(t, "token", "create", "--data", p.data, "--name", "test", "--login", "sam@example.com", "--role", "super-admin"))
	for i, data := range []string{p.data, second} {
		p.servers[i] = startProcess(t, data, "--accounts-per-hour", fmt.Sprint(accountsCap))
	}
	t.Setenv("LATCHKEY_CA_FILE", filepath.Join(second, "tls-ca.pem"))
	return p
}

// fails runs a command that must fail and returns what it says.
func (p *pair) fails(args ...string) string {
	p.Helper()
	var said bytes.Buffer
	if code := run(p.Context(), streams{out: io.Discard, err: &said}, args); code != exitFailed {
		p.Fatalf("%v: exit %d: %s", args, code, &said)
	}
	return said.String()
}

// remote runs a command against one of the servers.
func (p *pair) remote(server int, args ...string) (code int, out, said string) {
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code = run(ctx, streams{out: &o, err: &e}, append(args, "--server", p.servers[server].env["LATCHKEY_SERVER"]))
	return code, o.String(), e.String()
}

// mac is a Mac that talks to one of the servers.
func (p *pair) mac(server int) *mac {
	env := p.servers[server].env
	return &mac{server: env["LATCHKEY_SERVER"], device: env["DEVICE_URL"], fatal: func(f string, a ...any) { p.Errorf(f, a...) }}
}

// atOnce runs do n times on the two servers in turns, all together.
func atOnce(n int, do func(i, server int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i, i%2) })
	}
	wg.Wait()
}

// counted counts what happened.
type counted struct {
	sync.Mutex
	n map[string]int
}

func (c *counted) add(what string) {
	c.Lock()
	defer c.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what]++
}

// Two servers on one PostgreSQL behave as one: what is good once is good once on
// both together, a cap is one cap, what one revokes the other refuses, and the
// system log has one chain.
func TestTwoServersAreOne(t *testing.T) {
	p := newPair(t)

	// A challenge for one Mac, used on both at the same moment.
	_, challenge, _ := p.remote(0, "scep", "challenge", "create", "--serial", "C02A")
	var certificates counted
	macs := [4]*mac{}
	atOnce(4, func(i, server int) {
		macs[i] = p.mac(server)
		certificates.add(string(macs[i].asks(strings.TrimSpace(challenge)).PKIStatus))
	})
	if certificates.n[string(scep.SUCCESS)] != 1 {
		t.Fatalf("one challenge was answered with %v", certificates.n)
	}

	// The Mac enrolled with one server, and checks in with the other.
	var m *mac
	for i, each := range macs {
		if each.cert != nil {
			m = each
			m.device = p.servers[(i+1)%2].env["DEVICE_URL"]
		}
	}
	people := "amy bob cat dan eve fay"
	if status, body := m.checkIn("C02A", people, 1); status != 200 {
		t.Fatalf("check-in: %d %s", status, body)
	}

	p.pins(strings.Fields(people))
	p.oneTimeCode(m)

	// A token that one revokes is none for the other.
	list := local(t, "token", "list", "--data", p.data)
	for server := range 2 {
		if code, _, said := p.remote(server, "device", "list"); code != exitDone {
			t.Fatal(said)
		}
	}
	p.chain()
	local(t, "token", "revoke", "--data", p.data, "tok"+strings.Fields(strings.SplitN(list, "tok", 2)[1])[0])
	for server := range 2 {
		if code, _, said := p.remote(server, "device", "list"); code != exitFailed || !strings.Contains(said, "revoked") {
			t.Errorf("server %d with a revoked token: exit %d %s", server, code, said)
		}
	}
}

// chain verifies the System Log.
func (p *pair) chain() {
	p.Helper()
	// The chain holds after all of that.
	code, chain, said := p.remote(1, "events", "verify")
	if code != exitDone || !strings.Contains(chain, "events: ") {
		p.Errorf("%s %s", chain, said)
	}
	// So it does in a dump, as the guide has it, brought back elsewhere.
	server, file := storetest.Postgres(p), filepath.Join(p.TempDir(), "dump")
	elsewhere := server.Empty(p)
	server.Tool(p, "pg_dump", "-Fc", "-f", file, os.Getenv("LATCHKEY_DATABASE"))
	server.Tool(p, "pg_restore", "-O", "-d", elsewhere, file)
	if again := local(p.T, "events", "verify", "--offline", "--data", p.data, "--database", elsewhere); again != strings.TrimSpace(chain) {
		p.Errorf("the chain was %s, and is %s", chain, again)
	}
}

// pins has both servers issue PINs for the accounts of the Mac at the same time.
func (p *pair) pins(people []string) {
	p.Helper()
	// One account from both: each PIN has a second of its own.
	var seconds counted
	atOnce(4, func(_, server int) {
		if code, out, said := p.remote(server, "pin", "generate", "--device", "C02A", "--user", "amy", "--reason", "x", "--json"); code != exitDone {
			p.Error(said)
		} else {
			var pin struct{ IssuedAt string }
			_ = json.Unmarshal([]byte(out), &pin)
			seconds.add(pin.IssuedAt)
		}
	})
	if len(seconds.n) != 4 {
		p.Errorf("four PINs were issued at %v", seconds.n)
	}
	// And the cap over accounts is one for both: amy is the first of them.
	var issued counted
	others := people[1:]
	atOnce(len(others), func(i, server int) {
		code, _, said := p.remote(server, "pin", "generate", "--device", "C02A", "--user", others[i], "--reason", "x")
		issued.add(fmt.Sprint(code))
		if code != exitDone && code != exitRefused {
			p.Error(said)
		}
	})
	if issued.n[fmt.Sprint(exitDone)] != accountsCap-1 {
		p.Errorf("beside amy %v accounts had a PIN or a refusal, the cap is %d in all", issued.n, accountsCap)
	}
}

// oneTimeCode has a Mac send one code of an app to both servers.
func (p *pair) oneTimeCode(m *mac) {
	p.Helper()
	if code, _, said := p.remote(0, "user", "add", "amy@example.com"); code != exitDone {
		p.Fatal(said)
	}
	var client, app map[string]any
	for into, out := range map[*map[string]any]string{&client: local(p.T, "client", "add", "Macs", "--data", p.data, "--json"),
		&app: local(p.T, "factor", "enrol-totp", "amy@example.com", "--unconfirmed", "--data", p.data, "--json")} {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			p.Fatal(err)
		}
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(fmt.Sprint(app["secret"]))
	m.check(err)
	key, err := totp.KeyFrom(raw)
	m.check(err)
	form := url.Values{"grant_type": {"urn:okta:params:oauth:grant-type:otp"}, "client_id": {fmt.Sprint(client["client_id"])}, "client_secret": {fmt.Sprint(client["client_secret"])},
		"login_hint": {"amy"}, "scope": {"openid"}, "otp": {key.Code(totp.Step(time.Now()))}}
	var answers counted
	atOnce(4, func(_, server int) {
		at := *m
		at.device = p.servers[server].env["DEVICE_URL"]
		status, _ := at.post("/oauth2/v1/token", form)
		answers.add(fmt.Sprint(status))
	})
	if answers.n["200"] != 1 {
		p.Errorf("one code was answered with %v", answers.n)
	}
}
