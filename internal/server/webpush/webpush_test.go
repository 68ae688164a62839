package webpush_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/webpush"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}

// browser is one that has subscribed: it reads what its push service brings.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{key: key, auth: make([]byte, 16)}
	_, _ = rand.Read(b.auth)
	return b
}

func (b *browser) subscription(endpoint string) []byte {
	raw, _ := json.Marshal(map[string]any{"endpoint": endpoint, "keys": map[string]string{
		"p256dh": base64.RawURLEncoding.EncodeToString(b.key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(b.auth)}})
	return raw
}

// reads opens a message by RFC 8291 §3.4 and RFC 8188 §2, with the standard
// library alone: not with what sealed it.
func (b *browser) reads(t *testing.T, body []byte) string {
	t.Helper()
	salt, size, length := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	sender, sealed := body[21:21+length], body[21+length:]
	if size != 4096 || len(sealed) > 4096 {
		t.Fatalf("a record of %d, with %d bytes", size, len(sealed))
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, salt, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ikm := derive(shared, b.auth, "WebPush: info\x00"+string(b.key.PublicKey().Bytes())+string(sender), 32)
	block, err := aes.NewCipher(derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gcm.Open(nil, derive(ikm, salt, "Content-Encoding: nonce\x00", 12), sealed, nil)
	if err != nil {
		t.Fatalf("the message does not open: %v", err)
	}
	text := strings.TrimRight(string(plain), "\x00")
	if !strings.HasSuffix(text, "\x02") {
		t.Fatalf("the record does not end as the last one: %q", text)
	}
	return strings.TrimSuffix(text, "\x02")
}

// received is a request to the push service.
type received struct {
	header http.Header
	path   string
	body   []byte
}

// service is a push service, over TLS.
type service struct {
	*httptest.Server
	got    chan received
	status atomic.Int32
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{got: make(chan received, 10)}
	s.status.Store(http.StatusCreated)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.got <- received{r.Header, r.URL.Path, body}
		w.Header().Set("Location", "https://127.0.0.1:1/elsewhere")
		w.WriteHeader(int(s.status.Load()))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// house is an org whose Amy has a phone with a subscription.
type house struct {
	*servertest.Org
	*webpush.Sender
	amy   directory.User
	phone string
	logs  *observer.ObservedLogs
}

func newHouse(t *testing.T, s *service) *house {
	t.Helper()
	h := &house{Org: servertest.New(t)}
	core, logs := observer.New(zap.DebugLevel)
	h.logs = logs
	var err error
	h.Sender, err = webpush.New(t.Context(), webpush.Config{DB: h.DB, Vault: h.Vault, Log: h.Log, Factors: h.Factors, Zap: zap.New(core), PublicURL: "https://mfa.example.com",
		Own: []string{s.Listener.Addr().String()}, Roots: s.roots()})
	h.must(err)
	h.Update(func(tx *sql.Tx) (err error) {
		if h.amy, err = directory.CreateUser(t.Context(), tx, directory.User{Login: "amy@example.com"}, h.Now()); err != nil {
			return err
		}
		f, err := h.Factors.EnrolPhone(t.Context(), tx, h.amy, "phone", factor.By{Actor: systemlog.System()})
		h.phone = f.ID
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO phones (factor_id, user_id, digest, ceremony, unlock_digest, subscription) VALUES ($1, $2, 'x', '', '', '')`, f.ID, h.amy.ID)
		return err
	})
	h.allows(true)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() { stop(); h.must(<-ended) })
	return h
}

func (h *house) must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

func (h *house) allows(on bool) {
	h.T.Helper()
	h.Update(func(tx *sql.Tx) error {
		return directory.SaveAuthenticatorSettings(context.Background(), tx, directory.Authenticators{WebPush: on})
	})
}

func (h *house) subscribes(raw []byte) {
	h.T.Helper()
	at, err := h.Check(raw)
	h.must(err)
	h.must(h.Factors.Subscribe(context.Background(), raw, at, factor.By{Actor: systemlog.System(), Phone: &factor.Phone{ID: h.phone, User: h.amy}}))
}

func TestAMessage(t *testing.T) {
	s, b := newService(t), newBrowser(t)
	h := newHouse(t, s)
	key, err := h.Key(t.Context())
	h.must(err)
	h.subscribes(b.subscription(s.URL + "/to/amy"))
	h.Call(h.amy.ID)
	got := <-s.got
	if text := b.reads(t, got.body); text != `{"waiting":true}` {
		t.Errorf("the message says %q", text)
	}
	if got.path != "/to/amy" || got.header.Get("TTL") != "300" || got.header.Get("Urgency") != "high" || got.header.Get("Content-Encoding") != "aes128gcm" || got.header.Get("Topic") != "latchkey" {
		t.Errorf("%s %v", got.path, got.header)
	}
	h.vapid(got.header.Get("Authorization"), key, s.URL)
	if len(got.body) < 4000 {
		t.Errorf("%d bytes: the length of a message must not tell what it says", len(got.body))
	}
	// The key stays: subscriptions are bound to it.
	again, err := webpush.New(t.Context(), h.Config)
	h.must(err)
	if second, err := again.Key(t.Context()); err != nil || second != key {
		t.Errorf("another key: %v", err)
	}
	if n := len(h.Events(systemlog.WebPushKey)); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}

// vapid holds the header to RFC 8292.
func (h *house) vapid(header, key, audience string) {
	h.T.Helper()
	rest, ok := strings.CutPrefix(header, "vapid t=")
	token, k, ok2 := strings.Cut(rest, ", k=")
	part := strings.Split(token, ".")
	if !ok || !ok2 || k != key || len(part) != 3 {
		h.T.Fatalf("the header is %q", header)
	}
	plain := func(text string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		h.must(err)
		return raw
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), plain(key))
	h.must(err)
	sum, signature := sha256.Sum256([]byte(part[0]+"."+part[1])), plain(part[2])
	if len(signature) != 64 || !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		h.T.Error("the signature is not the server's")
	}
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	h.must(json.Unmarshal(plain(part[1]), &claims))
	if until := time.Unix(claims.Exp, 0).Sub(h.Now()); claims.Aud != audience || claims.Sub != "https://mfa.example.com" || until <= 0 || until > 24*time.Hour {
		h.T.Errorf("%+v", claims)
	}
}

// TestGone: what the push service does not know is forgotten; what it cannot
// take now is not, and no redirect is followed.
func TestGone(t *testing.T) {
	s, b := newService(t), newBrowser(t)
	h := newHouse(t, s)
	h.subscribes(b.subscription(s.URL + "/secret-address"))
	for _, status := range []int32{503, 302, 410} {
		s.status.Store(status)
		h.Call(h.amy.ID)
		<-s.got
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for subscribed := 1; subscribed > 0 && ctx.Err() == nil; {
		h.must(h.DB.View(ctx, func(tx *sql.Tx) error {
			found, err := h.Factors.Subscriptions(ctx, tx, h.amy.ID)
			subscribed = len(found)
			return err
		}))
	}
	if e := h.Events(systemlog.WebPushDrop); len(e) != 1 || e[0].Outcome.Reason != "GONE" || e[0].Detail["service"] != "127.0.0.1" {
		t.Errorf("%+v", e)
	}
	for _, entry := range h.logs.All() {
		for _, f := range entry.Context {
			if err, is := f.Interface.(error); is && strings.Contains(err.Error(), "secret-address") {
				t.Errorf("the address is in the log: %v", err)
			}
		}
	}
}

// TestNotAllowed: nothing leaves the server while the org does not want it, and
// a browser is not asked.
func TestNotAllowed(t *testing.T) {
	s, b := newService(t), newBrowser(t)
	h := newHouse(t, s)
	h.subscribes(b.subscription(s.URL + "/x"))
	h.allows(false)
	if key, err := h.Key(t.Context()); err != nil || key != "" {
		t.Errorf("%q %v", key, err)
	}
	h.Call(h.amy.ID)
	h.Call("nobody")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for h.logs.FilterMessage("a phone is not called: the org does not allow Web Push").Len() < 2 && ctx.Err() == nil {
		runtime.Gosched() // what is called later may be sent
	}
	if len(s.got) != 0 || ctx.Err() != nil {
		t.Errorf("%d sent while it was not allowed (%v)", len(s.got), ctx.Err())
	}
	h.allows(true)
	h.Call(h.amy.ID)
	<-s.got
}

// TestWhereTo: only to services on the list, at https, with whole keys.
func TestWhereTo(t *testing.T) {
	s, b := newService(t), newBrowser(t)
	h := newHouse(t, s)
	for endpoint, want := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/x": true, "https://fcm.googleapis.com:443/x": true, "https://web.push.apple.com/x": true,
		"https://updates.push.services.mozilla.com/wpush/v2/x": true, "https://wns2-par02p.notify.windows.com/w/?token=x": true, s.URL + "/x": true, "https://FCM.googleapis.com/x": true,
		"http://fcm.googleapis.com/x": false, "https://fcm.googleapis.com:8443/x": false, "https://evil.example/x": false, "https://fcm.googleapis.com.evil.example/x": false,
		"https://evilpush.apple.com/x": false, "https://push.apple.com/x": false, "https://a@fcm.googleapis.com/x": false, "https://127.0.0.1/x": false, "https://localhost/x": false,
		"https://169.254.169.254/latest": false, "": false, "https:fcm.googleapis.com": false, "https://[::1]/x": false,
	} {
		if _, err := h.Check(b.subscription(endpoint)); (err == nil) != want || err != nil && !errors.Is(err, webpush.ErrSubscription) {
			t.Errorf("%q: %v, want it taken: %v", endpoint, err, want)
		}
	}
	whole := string(b.subscription("https://fcm.googleapis.com/x"))
	for _, raw := range []string{"", "{}", "[]", strings.Replace(whole, `"auth":"`, `"auth":"AA`, 1), strings.Replace(whole, `"p256dh":"`, `"p256dh":"AAAA`, 1), strings.Replace(whole, `"auth"`, `"oath"`, 1)} {
		if _, err := h.Check([]byte(raw)); err == nil {
			t.Errorf("%q was taken", raw)
		}
	}
	for _, own := range []string{"push.example.com", "push.example.com:8443", "127.0.0.1:1"} {
		h.must(webpush.CheckOwn([]string{own}))
	}
	for _, own := range []string{"", "https://push.example.com", "push.example.com/x", "a b", "a@b", ":1"} {
		if webpush.CheckOwn([]string{own}) == nil {
			t.Errorf("%q was taken", own)
		}
	}
}
