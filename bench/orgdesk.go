package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// helpDesk is an administrator with a browser, and with a token for the API.
type helpDesk struct {
	client  *http.Client
	public  string
	session string
	token   string
}

// hire makes one, in the server's own database.
func (o *org) hire(ctx context.Context) (h *helpDesk, err error) {
	db, err := store.Open(ctx, o.where)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h = &helpDesk{public: o.server.public, client: &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}} //nolint:gosec // the server is this program's own
	if err := db.Update(ctx, func(tx *sql.Tx) error {
		h.token, _, err = access.Create(ctx, tx, access.Caller{Name: "bench", Login: "bench@example.com", Role: access.HelpDeskAdmin}, time.Now(), time.Now().Add(time.Hour))
		return err
	}); err != nil {
		return nil, err
	}
	h.session, err = signedIn(ctx, db, o.vault)
	return h, err
}

// signedIn sets an account up as its owner would, with password and app.
func signedIn(ctx context.Context, db *store.DB, v *vault.Vault) (string, error) {
	s, err := signin.New(signin.Config{DB: db, Vault: v, Log: systemlog.New(v.Key(vault.ForLog), time.Now), Now: time.Now})
	if err != nil {
		return "", err
	}
	var client systemlog.Client
	var code signin.Secret
	err = db.Update(ctx, func(tx *sql.Tx) (err error) {
		_, code, err = s.Create(ctx, tx, signin.NewAdmin{Login: "desk@example.com", Name: "Desk", Role: access.HelpDeskAdmin}, signin.By{Actor: systemlog.System()})
		return err
	})
	if err != nil {
		return "", err
	}
	begun, err := s.BeginSetUp(ctx, "desk@example.com", code.Text(), client)
	if err != nil {
		return "", err
	}
	if err := s.SetPassword(ctx, begun.Token.Text(), "a long enough password for a bench"); err != nil {
		return "", err
	}
	_, secret, err := s.TOTPSecret(ctx, begun.Token.Text())
	if err != nil {
		return "", err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		return "", err
	}
	key, err := totp.KeyFrom(raw)
	if err != nil {
		return "", err
	}
	_, session, err := s.ConfirmTOTP(ctx, begun.Token.Text(), key.Code(totp.Step(time.Now())))
	return session.Token.Text(), err
}

// page asks for one, as a browser does.
func (h *helpDesk) page(ctx context.Context, path string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.public+path, nil)
	if err != nil {
		return 0, err
	}
	req.AddCookie(&http.Cookie{Name: "__Host-latchkey", Value: h.session})
	return h.send(req, http.StatusOK)
}

// pin has one generated.
func (h *helpDesk) pin(ctx context.Context, device, account string) (time.Duration, error) {
	body, err := json.Marshal(wire.PINRequest{Reason: "lost phone", Ticket: "INC-1"})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.public+"/api/v1/devices/"+device+"/os-accounts/"+account+"/recovery-pins", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "SSWS "+h.token)
	req.Header.Set("Content-Type", "application/json")
	return h.send(req, http.StatusCreated)
}

func (h *helpDesk) send(req *http.Request, want int) (time.Duration, error) {
	began := time.Now()
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %.300s", req.Method, req.URL.Path, resp.Status, text)
	}
	return time.Since(began), err
}

// asked is how often each thing is done.
const asked = 1000

// deskTimes are how long the help desk waits.
type deskTimes struct{ typed, device, pins []time.Duration }

func (o *org) deskTimes(ctx context.Context, macs int) (t deskTimes, err error) {
	h, err := o.hire(ctx)
	if err != nil {
		return t, err
	}
	words, err := o.words(ctx)
	if err != nil {
		return t, err
	}
	random := rand.New(rand.NewPCG(3, 4))
	for len(t.typed) < asked {
		word := []rune(words[random.IntN(len(words))])
		for n := 1; n <= min(len(word), 8) && len(t.typed) < asked; n++ { // key by key
			took, err := h.page(ctx, "/devices?"+url.Values{"q": {string(word[:n])}}.Encode())
			if err != nil {
				return t, err
			}
			t.typed = append(t.typed, took)
		}
	}
	for i := range asked {
		took, err := h.page(ctx, fmt.Sprintf("/devices/dev%07d", 1+random.IntN(macs)))
		if err != nil {
			return t, err
		}
		t.device = append(t.device, took)
		m := o.macs[i%len(o.macs)]
		if took, err = h.pin(ctx, m.device(), fmt.Sprintf("osaA%07d", m.number)); err != nil {
			return t, err
		}
		t.pins = append(t.pins, took)
	}
	return t, nil
}

// words are what the help desk types: serial numbers, computer names, short
// names, first and last names, logins, and what nobody is called.
func (o *org) words(ctx context.Context) (words []string, err error) {
	db, err := store.Open(ctx, o.where)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(ctx, func(tx *sql.Tx) error {
		for _, m := range o.macs[:min(100, len(o.macs))] {
			var serial, name, short, full, login string
			err := tx.QueryRowContext(ctx, `SELECT d.serial, d.name, a.name, a.full_name, a.linked FROM devices d JOIN os_accounts a ON a.device_id = d.id WHERE a.id = $1`,
				fmt.Sprintf("osaA%07d", m.number)).Scan(&serial, &name, &short, &full, &login)
			if err != nil {
				return err
			}
			_, last := cutLast(full)
			words = append(words, serial, name, short, full, last, login, "zz"+short, "ladmin")
		}
		return nil
	})
	return words, err
}

func cutLast(full string) (first, last string) {
	for i := len(full) - 1; i >= 0; i-- {
		if full[i] == ' ' {
			return full[:i], full[i+1:]
		}
	}
	return "", full
}
