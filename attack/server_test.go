package attack

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The database was copied, by a backup or a hole in the server, and not the
// master key: no secret, PIN, token or challenge can be read in it, no server
// starts on it, and a log that was changed shows it.
func TestAttackDatabaseIsStolen(t *testing.T) {
	m := anEnrolledMac(t)
	thief := m.stolen() // registers a secret that the test knows
	c := m.checkIn(m.lastSeq(thief) + 1)
	status, answer, _ := m.posts(&thief, c)
	if status != http.StatusOK {
		t.Fatalf("the check-in: %d", status)
	}
	pin, challenge := m.readAloud(), m.challenge()
	token, err := os.ReadFile(m.Token(trial.Admin))
	m.ok(err)
	m.Server.Stop()
	key := c.Secrets[0].Key
	secrets := map[string]string{"the recovery secret": string(key), "the recovery secret in hexadecimal": hex.EncodeToString(key),
		"the recovery secret in base64": base64.StdEncoding.EncodeToString(key), "the PIN": pin, "the challenge": challenge,
		"the API token": strings.TrimSpace(string(token)), "the device token": answer.Token}
	data := m.Path("thief")
	m.ok(os.Mkdir(data, 0o700))
	files, err := filepath.Glob(m.Path("server", "latchkey.db*"))
	m.ok(err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		m.ok(err)
		for what, secret := range secrets {
			if secret == "" || bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s is in %s (or was never made)", what, filepath.Base(file))
			}
		}
		m.ok(os.WriteFile(filepath.Join(data, filepath.Base(file)), raw, 0o600))
	}
	server := filepath.Join(m.Bin, "latchkey-server")
	refuses := func(why string) {
		t.Helper()
		for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"}, {"token", "create", "--role", "super-admin", "--login", "thief", "--name", "x"}} {
			if _, err := trial.Command(t.Context(), nil, server, append(args, "--data", data)...); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want %q", args[0], err, why)
			}
		}
	}
	refuses("master key")
	_, err = trial.Command(t.Context(), nil, server, "init", "--data", m.Path("other"))
	m.ok(err)
	other, err := os.ReadFile(m.Path("other", "master.key"))
	m.ok(err)
	m.ok(os.WriteFile(filepath.Join(data, "master.key"), other, 0o600))
	refuses("made with another master key")
}

// rogue answers at the real server's addresses, with its stolen TLS key, as
// somebody who wants to get into this Mac would.
type rogue struct {
	mu     sync.Mutex
	bodies [][]byte
	answer func(wire.CheckIn) wire.CheckInAnswer
	device string
}

func (r *rogue) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.URL.Path == wire.WellKnownPath {
		_ = json.NewEncoder(w).Encode(wire.WellKnown{DeviceURL: "https://" + r.device})
		return
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(http.MaxBytesReader(w, request.Body, wire.MaxCheckIn))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, body.Bytes())
	var c wire.CheckIn
	_ = json.Unmarshal(body.Bytes(), &c)
	_ = json.NewEncoder(w).Encode(r.answer(c))
}

func (r *rogue) heard() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies
}

// listens takes an address of the server over.
func listens(t *testing.T, address string, h http.Handler, config *tls.Config) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener, s.TLS = l, config
	s.StartTLS()
	t.Cleanup(s.Close)
}

// Whoever sits in the network and has a certificate of its own hears nothing.
func TestAttackServerIsAnother(t *testing.T) {
	m := anEnrolledMac(t)
	m.Server.Stop()
	r := &rogue{device: m.DeviceListener(), answer: func(wire.CheckIn) wire.CheckInAnswer { return wire.CheckInAnswer{} }}
	listens(t, m.DeviceListener(), r, nil)
	listens(t, strings.TrimPrefix(m.ServerURL, "https://"), r, nil)
	if _, err := m.Latchkey("check-in"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the check-in: %v", err)
	}
	if n := len(r.heard()); n != 0 {
		t.Errorf("the other server was sent %d check-ins", n)
	}
	m.getsIn()
}

// Whoever even has the server's TLS key can order what a server can, and gets
// nobody in: the secret that is registered is not sent again, a reset begins no
// grace, and a time that is wrong opens nothing.
func TestAttackServerIsRogue(t *testing.T) {
	m := anEnrolledMac(t)
	m.passes(50 * time.Hour) // the grace would be over
	m.ok(m.CheckIn(trial.Reception()))
	old := m.readAloud()
	m.Server.Stop()
	pair, err := tls.LoadX509KeyPair(m.ServerCA(), m.Path("tls-key.pem"))
	m.ok(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}
	r := &rogue{device: m.DeviceListener()}
	r.answer = func(c wire.CheckIn) wire.CheckInAnswer {
		now, guid := m.Clocks.Now().Add(-49*time.Hour), trial.Reception().GUID
		return wire.CheckInAnswer{Now: now, DeviceID: "dev-rogue", NextIn: 900, Settings: wire.Settings{Recovery: true},
			Accounts: []wire.AccountAnswer{{GUID: guid, FirstGovernedAt: &now}},
			Commands: []wire.Command{{ID: "cmd-reset", Kind: wire.CommandResetFactors, GUID: guid}, {ID: "cmd-end", Kind: wire.CommandEndWindow, GUID: guid}}}
	}
	listens(t, m.DeviceListener(), r, config)
	listens(t, strings.TrimPrefix(m.ServerURL, "https://"), r, config)
	_, err = m.Latchkey("check-in")
	m.ok(err)
	bodies := r.heard()
	if len(bodies) == 0 {
		t.Fatal("the rogue heard nothing: the test tests nothing")
	}
	for _, body := range bodies {
		var c wire.CheckIn
		m.ok(json.Unmarshal(body, &c))
		if len(c.Secrets) != 0 {
			t.Error("a secret was sent to the rogue")
		}
	}
	m.withPasswordAlone()
	m.refusesPIN(reception(), old, "")
	if a, err := m.Account(trial.Reception()); err != nil || len(a.Factors) != 0 {
		t.Errorf("the reset was not carried out (%v), so that nothing was tested", err)
	}
}
