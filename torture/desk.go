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
	"os"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// errNoServer says that the server went away: nothing was said.
var errNoServer = errors.New("the server went away")

// desk is the help desk, at the admin API.
type desk struct {
	url, token string
	client     *http.Client
	device     string
	accounts   map[string]string // id by GUID
}

func newDesk(w *trial.World) (*desk, error) {
	ca, err := os.ReadFile(w.ServerCA())
	if err != nil {
		return nil, fmt.Errorf("read the server's CA: %w", err)
	}
	token, err := os.ReadFile(w.Token(trial.Admin))
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &desk{url: w.ServerURL, token: strings.TrimSpace(string(token)), accounts: map[string]string{},
		client: &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}}, nil
}

// call makes one request. A body that does not arrive whole is errNoServer.
func (d *desk) call(ctx context.Context, method, path string, body, into any) (http.Header, error) {
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(raw)
	}
	if strings.HasPrefix(path, "/") {
		path = d.url + path
	}
	req, err := http.NewRequestWithContext(ctx, method, path, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := d.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoServer, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoServer, err)
	}
	if res.StatusCode >= 500 {
		return nil, fmt.Errorf("%w: %s %s: %d %s", errServer, method, path, res.StatusCode, raw)
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if into == nil {
		return res.Header, nil
	}
	return res.Header, json.Unmarshal(raw, into)
}

// errServer says that the server answered that it could not.
var errServer = errors.New("the server failed")

// find learns the ids of the Mac and of its accounts.
func (d *desk) find(ctx context.Context) error {
	var devices []struct{ ID string }
	if _, err := d.call(ctx, "GET", "/api/v1/devices", nil, &devices); err != nil {
		return err
	}
	if len(devices) != 1 {
		return fmt.Errorf("the server knows %d devices", len(devices))
	}
	d.device = devices[0].ID
	list, err := d.osAccounts(ctx)
	for _, a := range list {
		d.accounts[a.Profile.AccountUUID] = a.ID
	}
	return err
}

type osAccount struct {
	ID       string
	Profile  struct{ AccountUUID string }
	Latchkey struct {
		Recovery struct {
			Generation uint64 `json:"generation"`
			KeyID      string `json:"keyId"`
		} `json:"recovery"`
	} `json:"latchkey"`
}

func (d *desk) osAccounts(ctx context.Context) (list []osAccount, err error) {
	_, err = d.call(ctx, "GET", "/api/v1/devices/"+d.device+"/os-accounts", nil, &list)
	return list, err
}

func (d *desk) path(guid, rest string) string {
	return "/api/v1/devices/" + d.device + "/os-accounts/" + d.accounts[guid] + "/" + rest
}

// issue makes a PIN, for a device code if there is one.
func (d *desk) issue(ctx context.Context, guid, deviceCode string) (string, error) {
	var issued wire.IssuedPIN
	_, err := d.call(ctx, "POST", d.path(guid, "recovery-pins"), wire.PINRequest{Reason: "torture", DeviceCode: deviceCode}, &issued)
	return issued.PIN, err
}

func (d *desk) reset(ctx context.Context, guid string) error {
	_, err := d.call(ctx, "POST", d.path(guid, "reset-factors"), nil, nil)
	return err
}
