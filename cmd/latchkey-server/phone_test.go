package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-mfa/latchkey/internal/phonetest"
)

// scriptPhone plays a phone or a security key: "phone NAME what …". The link of
// "opens" is in the last output, as JSON.
func scriptPhone(ts *testscript.TestScript, neg bool, args []string) {
	phones := ts.Value("phones").(map[string]*phonetest.Phone)
	p := phones[args[0]]
	if p == nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(ts.ReadFile(ts.Getenv("LATCHKEY_CA_FILE"))))
		var err error
		p, err = phonetest.New(ts.Getenv("LATCHKEY_SERVER"), &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true})
		ts.Check(err)
		phones[args[0]] = p
	}
	err := playPhone(ts, p, args[1:])
	var no *phonetest.Refusal
	if errors.As(err, &no) != neg || err != nil && no == nil {
		ts.Fatalf("phone %q: %v", args, err)
	}
	if no != nil {
		ts.Check(os.WriteFile(ts.MkAbs("answer"), []byte(no.Code), 0o600))
	}
}

func playPhone(ts *testscript.TestScript, p *phonetest.Phone, args []string) error {
	ctx := context.Background()
	switch args[0] {
	case "opens":
		var made struct{ Link string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &made))
		if _, err := p.Open(ctx, made.Link); err != nil {
			return err
		}
		_, err := p.Enrol(ctx, args[1])
		return err
	case "approves":
		var asked struct {
			Number string `json:"binding_code"`
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("answer")), &asked))
		s, err := p.Unlock(ctx)
		if err != nil || len(s.Pushes) != 1 {
			return errors.Join(err, fmt.Errorf("%d pushes wait", len(s.Pushes)))
		}
		_, err = p.Approve(ctx, s.Pushes[0].ID, asked.Number)
		return err
	case "signs": // CLIENT-FILE: the challenge of the last answer, at the Mac
		return signAtTheMac(ts, p, args[1])
	}
	return fmt.Errorf("what is %q", args[0])
}

// signAtTheMac answers a challenge over the device listener.
func signAtTheMac(ts *testscript.TestScript, p *phonetest.Phone, client string) error {
	var asked struct {
		PublicKey struct{ Challenge, RPID string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("answer")), &asked))
	var id struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(client)), &id))
	challenge, err := base64.RawURLEncoding.DecodeString(asked.PublicKey.Challenge)
	ts.Check(err)
	at := p.Site.Origin
	p.Site.Origin = "https://" + asked.PublicKey.RPID // as a Mac says it at its login window
	signed, err := p.Sign(challenge)
	p.Site.Origin = at
	ts.Check(err)
	text := base64.RawURLEncoding.EncodeToString
	m := ts.Value("mac").(*mac)
	status, body := m.post("/oauth2/v1/token", url.Values{"grant_type": {"urn:okta:params:oauth:grant-type:webauthn"}, "client_id": {id.ID}, "client_secret": {id.Secret}, "scope": {"openid"},
		"authenticatorData": {text(signed.AuthenticatorData)}, "clientDataJSON": {text(signed.ClientDataJSON)}, "signature": {text(signed.Signature)}})
	ts.Check(os.WriteFile(ts.MkAbs("answer"), body, 0o600))
	if status != http.StatusOK {
		return &phonetest.Refusal{Status: status, Code: strings.TrimSpace(string(body))}
	}
	return nil
}
