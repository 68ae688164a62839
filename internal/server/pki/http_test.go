package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

func TestHTTP(t *testing.T) {
	o := newOrg(t)
	static, _ := o.challenge(pki.Static, "")
	key := rsaKey(t, 2048)
	msg, err := scep.NewCSRRequest(csr(t, key, static), &scep.PKIMessage{MessageType: scep.PKCSReq, SignerKey: key,
		Recipients: []*x509.Certificate{o.authority.Certificate}, SignerCert: selfSigned(t, key, o.now)})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString(msg.Raw)
	for name, c := range map[string]struct {
		method, query string
		body          []byte
		status        int
		kind          string
	}{
		"capabilities":         {"GET", "operation=GetCACaps", nil, 200, "text/plain"},
		"certificate":          {"GET", "operation=GetCACert&message=x", nil, 200, "application/x-x509-ca-cert"},
		"GET with base64":      {"GET", "operation=PKIOperation&message=" + url.QueryEscape(b64), nil, 200, "application/x-pki-message"},
		"GET, plus not quoted": {"GET", "operation=PKIOperation&message=" + b64, nil, 200, "application/x-pki-message"},
		"POST":                 {"POST", "operation=PKIOperation", msg.Raw, 200, "application/x-pki-message"},
		"no operation":         {"GET", "", nil, 400, ""},
		"unknown operation":    {"GET", "operation=GetNextCACert", nil, 400, ""},
		"rubbish":              {"POST", "operation=PKIOperation", []byte("rubbish"), 400, ""},
		"nothing":              {"POST", "operation=PKIOperation", nil, 400, ""},
		"too long":             {"POST", "operation=PKIOperation", make([]byte, 65<<10), 400, ""},
		"no base64":            {"GET", "operation=PKIOperation&message=!", nil, 400, ""},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), c.method, o.url+"?"+c.query, bytes.NewReader(c.body))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || c.kind != "" && resp.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %s %s %.80q", name, resp.Status, resp.Header.Get("Content-Type"), body)
		}
	}
	caps, _ := http.Get(o.url + "?operation=GetCACaps")
	text, _ := io.ReadAll(caps.Body)
	caps.Body.Close()
	for _, want := range []string{"AES", "SHA-256", "POSTPKIOperation", "SCEPStandard", "Renewal"} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("capabilities lack %s: %q", want, text)
		}
	}
	if strings.Contains(string(text), "DES") {
		t.Errorf("capabilities offer DES: %q", text)
	}
}

// A message encrypted with DES is recognised by its object identifier.
func TestRequestInDES(t *testing.T) {
	o := newOrg(t)
	static, _ := o.challenge(pki.Static, "")
	key := rsaKey(t, 2048)
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmDESCBC
	msg, err := scep.NewCSRRequest(csr(t, key, static), &scep.PKIMessage{MessageType: scep.PKCSReq, SignerKey: key,
		Recipients: []*x509.Certificate{o.authority.Certificate}, SignerCert: selfSigned(t, key, o.now)})
	if panicked := panics(func() { pki.NewSCEP(nil, nil) }); !panicked {
		t.Error("a server that would answer in DES was made")
	}
	pki.UseAES()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(o.url+"?operation=PKIOperation", "application/x-pki-message", bytes.NewReader(msg.Raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	reply, err := scep.ParsePKIMessage(raw)
	if err != nil || reply.PKIStatus != scep.FAILURE || reply.FailInfo != scep.BadAlg {
		t.Fatalf("answer %v: %+v", err, reply)
	}
}

func panics(do func()) (did bool) {
	defer func() { did = recover() != nil }()
	do()
	return false
}
