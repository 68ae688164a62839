package directauth_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// A Mac that may not check in may not ask for anybody, and hears why as at a
// check-in.
func TestWhichMacs(t *testing.T) {
	o := newOrg(t)
	v := fields("grant_type", grantOTP, "scope", "openid", "login_hint", amy, "otp", o.code(), "client_id", o.id, "client_secret", o.secret).Encode()
	try := func(id *servertest.Identity, status int, reason string) {
		t.Helper()
		if a := o.send(id, "/oauth2/v1/token", v, nil); a.Status != status || a.Reason != reason {
			t.Errorf("%d %s, want %d %q", a.Status, a.Raw, status, reason)
		}
	}
	silent := o.Enrol(o.Challenge("dynamic", "C02Z"))
	fleet := o.Enrol(o.Challenge("static", ""))
	o.CheckIn(&fleet, o.aCheckIn("C02F"))
	try(nil, 401, "")
	try(&silent, 403, wire.RefusedUnverified)
	try(&fleet, 403, wire.RefusedUnverified)
	change := func(op directory.Lifecycle) {
		o.Update(func(tx *sql.Tx) error {
			all, err := directory.DevicesBySerial(context.Background(), tx, "C02A")
			if err == nil {
				_, err = directory.ChangeDevice(context.Background(), tx, all[0].ID, op, o.Now())
			}
			return err
		})
	}
	change(directory.Suspend)
	try(&o.mac, 403, wire.RefusedSuspended)
	change(directory.Unsuspend)
	renewed := o.Renew(o.mac)
	try(&renewed, 200, "") // signed for with the bound one's key
	o.step()
	try(&o.mac, 400, "") // the code was used
	o.Pass(400 * 24 * time.Hour)
	try(&o.mac, 401, "") // the certificate has ended
}

// What probes ask: the keys without a certificate, discovery, options.
func TestMetadata(t *testing.T) {
	o := newOrg(t)
	for path, want := range map[string]string{"/.well-known/openid-configuration": issuer, "/oauth2/default/.well-known/openid-configuration": issuer + "/oauth2/default"} {
		var doc struct {
			Issuer        string   `json:"issuer"`
			TokenEndpoint string   `json:"token_endpoint"`
			JWKS          string   `json:"jwks_uri"`
			Grants        []string `json:"grant_types_supported"`
		}
		if status := o.get(path, &doc); status != 200 || doc.Issuer != want || !strings.HasPrefix(doc.JWKS, o.Device.URL) || len(doc.Grants) != 7 {
			t.Errorf("%d %+v", status, doc)
		}
		var keys struct{ Keys []map[string]string }
		if status := o.get(strings.TrimPrefix(doc.JWKS, o.Device.URL), &keys); status != 200 || len(keys.Keys) != 1 || keys.Keys[0]["d"] != "" {
			t.Errorf("%d %+v", status, keys)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, o.Device.URL+"/oauth2/v1/token", nil)
	req.Header.Set("Origin", "https://page.example")
	resp, err := o.client(nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if h := resp.Header; resp.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://page.example" || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Vary") != "Origin" {
		t.Errorf("%d %v", resp.StatusCode, h)
	}
	for path, status := range map[string]int{"/oauth2/v1/authorize": 404, "/oauth2/v1/token": 404, "/oauth2/other/v1/keys": 404} {
		var out map[string]any
		if got := o.get(path, &out); got != status && got != 405 {
			t.Errorf("%s: %d", path, got)
		}
	}
}

// The main listener, whose URL is the issuer's, has what anybody may read, and
// takes nothing.
func TestDiscovery(t *testing.T) {
	o := newOrg(t)
	main := o.api.Discovery()
	for path, status := range map[string]int{"GET /.well-known/openid-configuration": 200, "GET /oauth2/default/.well-known/openid-configuration": 200, "GET /oauth2/v1/keys": 200,
		"POST /oauth2/v1/token": 403, "POST /oauth2/v1/primary-authenticate": 403, "GET /oauth2/v1/authorize": 403} {
		method, at, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		main.ServeHTTP(w, httptest.NewRequest(method, at, strings.NewReader("grant_type=password")))
		if w.Code != status || status == 403 && !strings.Contains(w.Body.String(), o.Device.URL) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// A second key signs from the next start on, and the first one still counts.
func TestKeyRotation(t *testing.T) {
	o := newOrg(t)
	before := o.is(o.byOTP(amy, o.code()), 200, "").ID
	o.Pass(time.Minute)
	o.Update(func(tx *sql.Tx) error {
		if err := directauth.AddKey(context.Background(), tx, o.Vault, o.Now()); err != nil {
			return err
		}
		again, err := directauth.OpenKeys(context.Background(), tx, o.Vault, o.Now())
		if err == nil {
			*o.keys = *again // as after a start
		}
		return err
	})
	o.claims(before)
	after := o.is(o.byOTP(amy, o.code()), 200, "").ID
	o.claims(after)
	if strings.Split(before, ".")[0] == strings.Split(after, ".")[0] {
		t.Error("the same key signs")
	}
	// Another master key opens none.
	other, err := vault.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	o.Update(func(tx *sql.Tx) error {
		if _, err := directauth.OpenKeys(context.Background(), tx, other, o.Now()); err == nil {
			t.Error("opened with another master key")
		}
		return nil
	})
}

// A database that is locked or full answers with an error, gives nothing away,
// and gives no try for nothing once it is well.
func TestDatabaseInTrouble(t *testing.T) {
	o := newOrg(t)
	for name, query := range map[string]string{"full": `PRAGMA max_page_count = 1`, "broken": `ALTER TABLE user_tries RENAME TO away`} {
		if name == "full" && storetest.OnServer() {
			continue // the disk is the server's, and so is its size
		}
		back := map[string]string{"full": `PRAGMA max_page_count = 1000000`, "broken": `ALTER TABLE away RENAME TO user_tries`}[name]
		if name == "full" {
			// No room for as much as a row: the pages that are there are filled up.
			o.Update(func(tx *sql.Tx) error {
				_, err := tx.Exec(`CREATE TABLE ballast (x TEXT)`)
				return err
			})
		}
		pragma(t, o, query)
		if name == "full" {
			for o.DB.Update(context.Background(), func(tx *sql.Tx) error {
				_, err := tx.Exec(`INSERT INTO ballast (x) VALUES ($1)`, strings.Repeat("x", 300))
				return err
			}) == nil {
			}
			for range 8 { // each index and table has its own half page left
				o.DB.Update(context.Background(), func(tx *sql.Tx) error {
					return o.Log.Append(context.Background(), tx, systemlog.Event{Type: "x", Message: strings.Repeat("x", 300)})
				})
			}
		}
		right := o.byOTP(amy, o.code())
		wrong := o.byOTP(amy, o.wrongCode())
		if right.Status != 500 || wrong.Status != 500 || right.Code != "E0000009" || wrong.Code != right.Code || right.ID != "" {
			t.Errorf("%s: %d %s, %d %s", name, right.Status, right.Raw, wrong.Status, wrong.Raw)
		}
		if a := o.push(amy); name == "full" && a.Status != 500 {
			t.Errorf("%s: a push: %d %s", name, a.Status, a.Raw)
		}
		pragma(t, o, back)
		o.Pass(time.Minute)
		o.is(o.byOTP(amy, o.code()), 200, "")
		o.Pass(time.Minute)
	}
}

func pragma(t *testing.T, o *org, query string) {
	t.Helper()
	o.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(query)
		return err
	})
}

// While the database is locked a request waits; a Mac that goes away meanwhile
// has used nothing up, and one that stays gets its answer.
func TestDatabaseIsLocked(t *testing.T) {
	o := newOrg(t)
	o.is(o.byOTP(amy, "x"), 400, "invalid_grant") // the client is known as used, and needs no write
	locked, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- o.DB.Update(context.Background(), func(*sql.Tx) error {
			close(locked)
			<-release
			return nil
		})
	}()
	<-locked
	body := fields("grant_type", grantOTP, "scope", "openid", "login_hint", amy, "otp", o.code(), "client_id", o.id, "client_secret", o.secret).Encode()
	// Past the network: there the server may learn late that somebody has gone.
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/oauth2/v1/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{o.mac.Certificate}}
	w := httptest.NewRecorder()
	o.Device.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d while the database was locked", w.Code)
	}
	answered := make(chan answer, 1)
	go func() { answered <- o.send(&o.mac, "/oauth2/v1/token", body, nil) }()
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	o.is(<-answered, 200, "")
}

// A handler that writes nothing is answered for with an empty 200: who goes away
// must not be able to take that for a success.
func TestWhoGoesAwayReadsNoSuccess(t *testing.T) {
	o := newOrg(t)
	checkIn, err := json.Marshal(o.aCheckIn("C02A"))
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{"/oauth2/v1/token": "", "/oauth2/v1/primary-authenticate": "", wire.CheckInPath: string(checkIn)} {
		ctx, goAway := context.WithCancel(t.Context())
		goAway()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{o.mac.Certificate}}
		w := httptest.NewRecorder()
		o.Device.Config.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "given up") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
