package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"

	"github.com/latchkey-mfa/latchkey/internal/phonetest"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// serveVariable makes the test binary be latchkey-server, so that it can be
// killed as a process of its own.
const serveVariable = "TEST_LATCHKEY_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		os.Exit(start())
	}
	pki.UseAES()
	testscript.Main(leakless{m}, map[string]func(){"latchkey-server": func() { os.Exit(start()) }})
}

func TestScripts(t *testing.T) {
	setUp := func(e *testscript.Env) error {
		page, err := filepath.Abs("../../docs/api.md")
		if err != nil {
			return err
		}
		e.Setenv("API_MD", page)
		e.Values["mac"], e.Values["phones"] = &mac{}, map[string]*phonetest.Phone{}
		if storetest.OnServer() {
			e.Setenv("LATCHKEY_DATABASE", storetest.Postgres(t).Empty(t))
		}
		return nil
	}
	on := func(condition string) (bool, error) { return condition == "sqlite" && !storetest.OnServer(), nil }
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: setUp, Condition: on, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"serve": scriptServe, "mac": scriptMac, "pin-is-whole": scriptPIN, "private": scriptPrivate, "org-role": scriptRole, "direct": scriptDirect, "number": scriptNumber, "org-group": scriptGroup,
		"phone": scriptPhone, "newer": scriptNewer, "examples": scriptExamples,
	}})
}

// scriptServe starts a server on the data folder $WORK/data and tells the
// command line where it is.
func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	data := ts.MkAbs("data")
	hosts := "127.0.0.1"
	if len(args) > 0 && args[0] == "named" {
		hosts, args = "localhost,127.0.0.1", args[1:] // passkeys need a name
	}
	if database := ts.Getenv("LATCHKEY_DATABASE"); database != "" {
		args = append(args, "--database", database)
	}
	go func() {
		ended <- run(ctx, streams{out: in, err: io.Discard}, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0",
			"--tls-hosts", hosts, "--log-level", "error"}, args...))
		in.Close()
	}()
	ts.Defer(func() { stop(); <-ended })
	for name, value := range readiness(ts.Fatalf, out) {
		ts.Setenv(name, value)
	}
	ts.Setenv("LATCHKEY_CA_FILE", filepath.Join(data, "tls-ca.pem"))
}

// readiness reads the ready line into environment variables.
func readiness(fatal func(string, ...any), out io.Reader) map[string]string {
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		fatal("the server is not ready: %q %v", line, err)
	}
	env := map[string]string{}
	for _, word := range strings.Fields(line) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "public-url":
			env["LATCHKEY_SERVER"] = value
		case "device-url":
			env["DEVICE_URL"] = value
		}
	}
	return env
}

// scriptMac enrols a Mac with the challenge in a file and checks it in: mac
// SERIAL ACCOUNT CHALLENGE-FILE STATUS.
func scriptMac(ts *testscript.TestScript, _ bool, args []string) {
	m := ts.Value("mac").(*mac)
	*m = mac{server: ts.Getenv("LATCHKEY_SERVER"), device: ts.Getenv("DEVICE_URL"), fatal: ts.Fatalf}
	m.enrol(strings.TrimSpace(ts.ReadFile(args[2])))
	if status, body := m.checkIn(args[0], args[1], 1); fmt.Sprint(status) != args[3] {
		ts.Fatalf("check-in: %d %s", status, body)
	}
}

// scriptDirect asks for direct authentication as the last Mac: direct STATUS
// PATH FIELD=VALUE…, where a value that starts with @ is in a file, and one of
// the form @FILE:NAME is a field of the JSON there. The answer is in the file
// answer.
func scriptDirect(ts *testscript.TestScript, _ bool, args []string) {
	m, form := ts.Value("mac").(*mac), url.Values{}
	for _, a := range args[2:] {
		name, value, _ := strings.Cut(a, "=")
		if file, ok := strings.CutPrefix(value, "@"); ok {
			file, field, inJSON := strings.Cut(file, ":")
			value = strings.TrimSpace(ts.ReadFile(file))
			if inJSON {
				var fields map[string]any
				ts.Check(json.Unmarshal([]byte(value), &fields))
				value = fmt.Sprint(fields[field])
			}
		}
		if name == "totp" {
			k, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(value)
			ts.Check(err)
			key, err := totp.KeyFrom(k)
			ts.Check(err)
			name, value = "otp", key.Code(totp.Step(time.Now()))
		}
		form.Set(name, value)
	}
	status, body := m.post(args[1], form)
	// A script is faster than the four requests of a login in a second.
	for n := 0; status == http.StatusTooManyRequests && args[0] != "429" && n < 200; n++ {
		status, body = m.post(args[1], form)
	}
	if fmt.Sprint(status) != args[0] {
		ts.Fatalf("%s: %d %s", args[1], status, body)
	}
	ts.Check(os.WriteFile(ts.MkAbs("answer"), body, 0o600))
}

func (m *mac) post(path string, form url.Values) (int, []byte) {
	resp, err := m.http(tls.Certificate{Certificate: [][]byte{m.cert.Raw}, PrivateKey: m.key}).PostForm(m.device+path, form)
	m.check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	m.check(err)
	return resp.StatusCode, body
}

// scriptNumber sets NUMBER to the number of the last answer, and PUSH to the
// only push in the JSON list of the last output.
func scriptNumber(ts *testscript.TestScript, _ bool, _ []string) {
	var answer struct {
		Number string `json:"binding_code"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("answer")), &answer))
	var pushes []struct {
		ID      string   `json:"id"`
		Numbers []string `json:"numbers"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &pushes))
	if len(pushes) != 1 || !slices.Contains(pushes[0].Numbers, answer.Number) || len(pushes[0].Numbers) != 3 {
		ts.Fatalf("%v does not offer %q", pushes, answer.Number)
	}
	ts.Setenv("NUMBER", answer.Number)
	ts.Setenv("PUSH", pushes[0].ID)
	for _, n := range pushes[0].Numbers {
		if n != answer.Number {
			ts.Setenv("WRONG", n)
		}
	}
}

// scriptPIN checks that the last output shows a whole PIN in threes.
func scriptPIN(ts *testscript.TestScript, _ bool, _ []string) {
	var a, b, c int
	if n, err := fmt.Sscanf(ts.ReadFile("stdout"), "PIN: %3d %3d %3d\n", &a, &b, &c); n != 3 || err != nil {
		ts.Fatalf("no PIN in threes: %v", err)
	}
}

// scriptPrivate checks that nobody but the owner can read a file.
func scriptPrivate(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.Mode().Perm()&0o077 != 0 {
			ts.Fatalf("%s has mode %v", name, info.Mode())
		}
	}
}

// mac is a Mac over HTTP.
type mac struct {
	server, device string
	fatal          func(string, ...any)
	key            *rsa.PrivateKey
	cert           *x509.Certificate
}

func (m *mac) check(err error) {
	if err != nil {
		m.fatal("%v", err)
	}
}

func (m *mac) http(certs ...tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certs}}} // the command line checks the server's name
}

func (m *mac) enrol(challenge string) {
	if reply := m.asks(challenge); reply.PKIStatus != scep.SUCCESS {
		m.fatal("no certificate: %s", reply.FailInfo)
	}
}

// asks is the answer to a request for a certificate, which m keeps.
func (m *mac) asks(challenge string) *scep.PKIMessage {
	resp, err := m.http().Get(m.server + "/scep?operation=GetCACert")
	m.check(err)
	der, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	m.check(err)
	ca, err := x509.ParseCertificate(der)
	m.check(err)
	m.key, err = rsa.GenerateKey(rand.Reader, 2048)
	m.check(err)
	self := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mac"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err = x509.CreateCertificate(rand.Reader, self, self, m.key.Public(), m.key)
	m.check(err)
	signer, err := x509.ParseCertificate(der)
	m.check(err)
	der, err = x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{ChallengePassword: challenge}, m.key)
	m.check(err)
	csr, err := x509.ParseCertificateRequest(der)
	m.check(err)
	msg, err := scep.NewCSRRequest(csr, &scep.PKIMessage{MessageType: scep.PKCSReq, SignerCert: signer, SignerKey: m.key, Recipients: []*x509.Certificate{ca}})
	m.check(err)
	resp, err = m.http().Post(m.server+"/scep?operation=PKIOperation", "application/x-pki-message", bytes.NewReader(msg.Raw))
	m.check(err)
	raw, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	m.check(err)
	reply, err := scep.ParsePKIMessage(raw, scep.WithCACerts([]*x509.Certificate{ca}))
	m.check(err)
	if reply.PKIStatus == scep.SUCCESS {
		m.check(reply.DecryptPKIEnvelope(signer, m.key))
		m.cert = reply.Certificate
	}
	return reply
}

// checkIn reports a Mac with these accounts, each with a secret of seq.
func (m *mac) checkIn(serial, accounts string, seq uint64) (int, []byte) {
	names := strings.Fields(accounts)
	in := wire.CheckIn{V: 1, Seq: seq, Boot: "b", Wall: time.Now(), Clock: "wall", Device: wire.Device{UDID: "U-" + serial, Serial: serial, Name: names[0] + "s-mac"}}
	for i, name := range names {
		guid := "GUID-" + name
		in.Accounts = append(in.Accounts, wire.Account{GUID: guid, UID: 501 + uint32(i), Name: name, Factors: []wire.Factor{}})
		in.Secrets = append(in.Secrets, wire.SecretUpload{GUID: guid, Generation: seq, Key: bytes.Repeat([]byte{byte(seq)}, 32)})
	}
	raw, err := json.Marshal(in)
	m.check(err)
	resp, err := m.http(tls.Certificate{Certificate: [][]byte{m.cert.Raw}, PrivateKey: m.key}).Post(m.device+wire.CheckInPath, "application/json", bytes.NewReader(raw))
	m.check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	m.check(err)
	return resp.StatusCode, body
}
