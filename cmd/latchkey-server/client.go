package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// client talks to the admin API of a running server.
type client struct {
	base, token string
	http        *http.Client
}

func (p *program) client() (*client, error) {
	token, err := p.token()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(p.server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, usage(fmt.Errorf("--server %q: want https://HOST[:PORT]", p.server), "a token never travels without TLS")
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.caFile != "" {
		pem, err := os.ReadFile(p.caFile)
		if err != nil {
			return nil, fmt.Errorf("read --ca-file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage(fmt.Errorf("--ca-file %s holds no PEM certificate", p.caFile), "an evaluation server writes tls-ca.pem into its data folder")
		}
	}
	now, err := p.now()
	if err != nil {
		return nil, err
	}
	cfg.Time = now
	return &client{base: strings.TrimSuffix(p.server, "/"), token: token,
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: cfg, Proxy: http.ProxyFromEnvironment}}}, nil
}

// token is read from a file or the environment, never from the command line,
// which every user of the machine can see.
func (p *program) token() (string, error) {
	if p.tokenFile == "" {
		if t := strings.TrimSpace(os.Getenv("LATCHKEY_TOKEN")); t != "" {
			return t, nil
		}
		return "", usage(errors.New("no API token is given"), "put it into a file of mode 0600 and name it with --token-file, or into LATCHKEY_TOKEN; latchkey-server token create makes one")
	}
	info, err := os.Stat(p.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return "", failed(fmt.Errorf("the token file %s is open to others (mode %04o)", p.tokenFile, mode.Perm()), "chmod 600 "+p.tokenFile)
	}
	raw, err := os.ReadFile(p.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the API token: %w", err)
	}
	if t := strings.TrimSpace(string(raw)); t != "" && len(t) <= 256 && !strings.ContainsAny(t, "\r\n") {
		return t, nil
	}
	return "", failed(fmt.Errorf("the token file %s does not hold one token", p.tokenFile), "it is the one line that latchkey-server token create prints")
}

// call sends in as JSON, unless it is nil, and reads the answer into out.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "SSWS "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return failed(fmt.Errorf("reach the server: %w", err), "is it running at "+c.base+"? an evaluation certificate needs --ca-file tls-ca.pem")
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return answerError(resp, raw)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := read(raw, out); err != nil {
		return fmt.Errorf("the server's answer is no JSON of this command: %w", err)
	}
	return nil
}

// read decodes an answer with every text in it made printable. Much of it was
// said by Macs, whose owners may be anyone: an escape sequence in a computer's
// name must not reach the help desk's terminal, nor a line break forge a row.
func read(raw []byte, out any) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a sequence number has more digits than a float
	if err := d.Decode(&v); err != nil {
		return err
	}
	clean, err := json.Marshal(printable(v))
	if err != nil {
		return err
	}
	return json.Unmarshal(clean, out)
}

func printable(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, v)
	case []any:
		for i := range v {
			v[i] = printable(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = printable(v[key])
		}
	}
	return v
}

func answerError(resp *http.Response, raw []byte) error {
	var e wire.APIError
	if read(raw, &e) != nil || e.ErrorSummary == "" {
		return failed(fmt.Errorf("the server answered %s", resp.Status), "is there a latchkey-server at "+resp.Request.URL.Host+"?")
	}
	err := errors.New(e.ErrorSummary)
	if resp.StatusCode == http.StatusForbidden && len(e.ErrorCauses) > 0 && e.Reason == "" {
		// The summary is Okta's and says the same of all that is missing.
		err = fmt.Errorf("%s: %s", e.ErrorSummary, e.ErrorCauses[0].ErrorSummary)
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return failed(err, "the token is unknown, expired or revoked; latchkey-server token create makes a new one")
	case http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests:
		return refused(err, refusalHint(e.Reason))
	case http.StatusBadRequest:
		return usage(err, "correct the value and try again")
	case http.StatusNotFound:
		return failed(err, "latchkey-server device find shows what there is")
	}
	return failed(err, "the server's log tells more under error id "+e.ErrorID)
}

// refusalHint says what the help desk can do about a PIN that was refused.
func refusalHint(reason string) string {
	hints := map[string]string{
		"not_permitted":      "a help-desk-admin, org-admin or super-admin may generate PINs",
		"out_of_scope":       "an administrator for the whole org, or for a group with the user, must generate it",
		"own_account":        "another administrator must generate it",
		"recovery_off":       "latchkey-server settings set --recovery=true turns it on",
		"device_inactive":    "latchkey-server device unsuspend or activate, if that is right",
		"device_unconfirmed": "latchkey-server device confirm, once you know that the Mac is yours",
		"user_inactive":      "latchkey-server user unsuspend or activate, if that is right",
		"no_secret":          "bring the Mac online once while someone is at its login window, then try again",
		"secret_too_old":     "bring the Mac online once, then try again",
		"too_many_accounts":  "wait, or ask a colleague; serve --accounts-per-hour sets the cap",
		"too_many_pins":      "wait a minute, or ask for the device code and pass it with --device-code",
	}
	if h, ok := hints[reason]; ok {
		return h
	}
	return "the system log tells what was done last: latchkey-server events list"
}

// printJSON prints v indented.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
