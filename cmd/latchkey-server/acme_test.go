package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

const acmeHost = "mfa.example.com"

// pebble is Let's Encrypt's ACME server for tests, which checks for real that
// the name is ours.
type pebble struct {
	directory, ca, roots string
	cmd                  *exec.Cmd
	client               *http.Client
}

// startPebble has it look at the ports of this machine, whatever the name.
func startPebble(t *testing.T, tlsPort, httpPort int, listen, manage string) *pebble {
	t.Helper()
	program, err := filepath.Abs("../../.cache/bin/pebble")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("pebble is not installed: %v", err)
		}
		t.Skipf("pebble is not installed (.ci/prepare builds it): %v", err)
	}
	dir := t.TempDir()
	own := httptest.NewTLSServer(nil) // for its certificate
	pair := own.TLS.Certificates[0]
	own.Close()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p := &pebble{directory: "https://" + listen + "/dir", roots: "https://" + manage + "/roots/0", ca: filepath.Join(dir, "cert.pem")}
	config, _ := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": listen, "managementListenAddress": manage, "certificate": p.ca,
		"privateKey": filepath.Join(dir, "key.pem"), "httpPort": httpPort, "tlsPort": tlsPort}})
	err = errors.Join(os.WriteFile(p.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(program, "-config", filepath.Join(dir, "config.json"), "-dnsserver", nameServer(t))
	p.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	for end := time.Now().Add(20 * time.Second); ; {
		resp, err := p.client.Get(p.directory)
		if err == nil {
			resp.Body.Close()
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("pebble does not answer: %v", err)
		}
	}
}

func (p *pebble) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// pool is the root that this run of pebble signs with.
func (p *pebble) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	resp, err := p.client.Get(p.roots)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		t.Fatalf("%q %v", raw, err)
	}
	return pool
}

// nameServer answers, over TCP as pebble asks, that every name is this machine.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = named(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String()
}

// named answers one question.
func named(conn net.Conn) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	raw := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, raw); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil {
		return err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	out, err := m.Pack()
	if err == nil {
		_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
	}
	return err
}

// freePort is one that nobody listens on just now.
func freePort(t *testing.T) (address string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
}

// shown is the certificate that a listener shows for the name.
func shown(t *testing.T, address string, roots *x509.CertPool) (*x509.Certificate, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(address, "https://"), &tls.Config{ServerName: acmeHost, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// A certificate of a real ACME server, whose checks reach the main listener
// (tls-alpn-01): both listeners show it, and so does a server that starts when
// the authority is gone, since it lies in the database.
func TestCertificateByACME(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if storetest.OnServer() {
		t.Setenv("LATCHKEY_DATABASE", storetest.Postgres(t).Empty(t))
	}
	local(t, "init", "--data", data)
	listen, _ := freePort(t)
	manage, _ := freePort(t)
	main, port := freePort(t)
	http01, httpPort := freePort(t)
	authority := startPebble(t, port, httpPort, listen, manage)
	more := []string{"--listen", main, "--acme-host", acmeHost, "--acme-email", "you@example.com", "--acme-directory", authority.directory, "--acme-ca", authority.ca, "--acme-http-listen", http01}
	server := startProcess(t, data, more...)
	if got, want := server.env["LATCHKEY_SERVER"], "https://"+net.JoinHostPort(acmeHost, main[strings.LastIndex(main, ":")+1:]); got != want {
		t.Errorf("the server is at %s, want %s", got, want)
	}
	roots := authority.pool(t)
	first, err := shown(t, main, roots)
	if err != nil {
		t.Fatal(err)
	}
	_, devicePort, _ := net.SplitHostPort(strings.TrimPrefix(server.env["DEVICE_URL"], "https://"))
	device := net.JoinHostPort("127.0.0.1", devicePort)
	if second, err := shown(t, device, roots); err != nil || !second.Equal(first) {
		t.Errorf("the device listener shows another certificate: %v", err)
	}
	if conn, err := tls.Dial("tcp", main, &tls.Config{ServerName: "other.example.com", InsecureSkipVerify: true}); err == nil {
		conn.Close()
		t.Error("there is a certificate for a name that nobody configured")
	}
	if resp, err := http.Get("http://" + http01 + "/api/v1/devices"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("without TLS: %+v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	_ = server.cmd.Process.Kill()
	_ = server.cmd.Wait()
	authority.stop()
	startProcess(t, data, more...)
	if again, err := shown(t, main, roots); err != nil || !again.Equal(first) {
		t.Errorf("after a restart, without the authority: %v", err)
	}
}

func TestACMEFlags(t *testing.T) {
	for _, args := range [][]string{{"--acme-email", "a@example.com"}, {"--acme-host", "localhost"}, {"--acme-host", acmeHost, "--tls-cert", "c", "--tls-key", "k"},
		{"--acme-host", acmeHost, "--acme-directory", "http://ca.example.com"}} {
		if got := run(t.Context(), streams{out: io.Discard, err: io.Discard}, append([]string{"serve", "--data", t.TempDir()}, args...)); got != exitUsage {
			t.Errorf("%v: exit %d, want %d", args, got, exitUsage)
		}
	}
}
