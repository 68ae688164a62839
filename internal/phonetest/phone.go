package phonetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/descope/virtualwebauthn"
)

// Phone is a browser with an authenticator. What is wrong on purpose is set in
// its fields.
type Phone struct {
	// Site is whom the authenticator signs for, and from which origin.
	Site virtualwebauthn.RelyingParty
	// Authenticator says whether somebody touches it, and shows who they are.
	Authenticator virtualwebauthn.Authenticator
	// Credential is the key pair, with its counter.
	Credential virtualwebauthn.Credential

	base string
	http *http.Client
}

// New is a phone that has never been at the server with that public URL.
func New(publicURL string, transport http.RoundTripper) (*Phone, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("read the server's URL: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	return &Phone{Site: virtualwebauthn.RelyingParty{ID: u.Hostname(), Name: "Latchkey", Origin: publicURL}, Authenticator: virtualwebauthn.NewAuthenticator(),
		Credential: newCredential(), base: publicURL + "/authenticator/", http: &http.Client{Transport: transport, Jar: jar}}, nil
}

// newCredential makes a key on P-256. The library leaves out leading zeros of
// the coordinates, which COSE does not allow: one key in 128 would be refused.
func newCredential() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// Standing is what the page shows.
type Standing struct {
	State, Kind, Login, Phone, Stopped string
	Waiting                            bool
	Seconds                            int
	Pushes                             []Push
	Ended                              []Ended
	WebPush                            struct {
		Key        string
		Subscribed bool
	}
}

// Push is one that waits.
type Push struct {
	ID, Login, Mac, Serial, From string
	AskedAt                      time.Time
	Seconds                      int
	Number                       bool
}

// Ended is one that does not wait any more.
type Ended struct {
	ID, Mac, State, Reason string
	Here                   bool
}

// Refusal is an answer that is no success.
type Refusal struct {
	Status  int
	Code    string `json:"error"`
	Message string `json:"message"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

// Error has the status and the code.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message) }

// Do sends what the page's script would send; with no body it asks. The error
// is a *Refusal, or of the network.
func (p *Phone) Do(ctx context.Context, path string, body, into any) error {
	r, err := p.request(ctx, path, body)
	if err != nil {
		return err
	}
	answer, err := p.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		no := &Refusal{Status: answer.StatusCode}
		_ = json.Unmarshal(raw, no) // what is no JSON has no code
		return no
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func (p *Phone) request(ctx context.Context, path string, body any) (*http.Request, error) {
	if body == nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, bytes.NewReader(raw))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r, err
}

// State is what the page shows now.
func (p *Phone) State(ctx context.Context) (s Standing, err error) {
	return s, p.Do(ctx, "state", nil, &s)
}

// Open opens an invitation, by its link or its code.
func (p *Phone) Open(ctx context.Context, link string) (s Standing, err error) {
	code := link[strings.LastIndex(link, "#")+1:]
	return s, p.Do(ctx, "invitation", map[string]string{"code": code}, &s)
}

// Enrol sets the phone, or the security key, up under a name.
func (p *Phone) Enrol(ctx context.Context, name string) (s Standing, err error) {
	made, err := p.Created(ctx)
	if err != nil {
		return s, err
	}
	return s, p.Do(ctx, "enrol", map[string]any{"name": name, "credential": made}, &s)
}

// Created is the authenticator's answer to the set-up, not sent yet.
func (p *Phone) Created(ctx context.Context) (json.RawMessage, error) {
	var options json.RawMessage
	if err := p.Do(ctx, "enrol/challenge", map[string]string{}, &options); err != nil {
		return nil, err
	}
	read, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		return nil, fmt.Errorf("read what the authenticator is asked: %w", err)
	}
	p.Authenticator.Options.UserHandle = []byte(read.UserID)
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.Site, p.Authenticator, p.Credential, *read)), nil
}

// Unlock shows that the phone's owner is there.
func (p *Phone) Unlock(ctx context.Context) (s Standing, err error) {
	shown, err := p.Shown(ctx)
	if err != nil {
		return s, err
	}
	return s, p.Do(ctx, "unlock", map[string]any{"credential": shown}, &s)
}

// Shown is the authenticator's answer to the unlocking, not sent yet.
func (p *Phone) Shown(ctx context.Context) (json.RawMessage, error) {
	var options json.RawMessage
	if err := p.Do(ctx, "unlock/challenge", map[string]string{}, &options); err != nil {
		return nil, err
	}
	read, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		return nil, fmt.Errorf("read what the authenticator is asked: %w", err)
	}
	p.Credential.Counter++
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.Site, p.Authenticator, p.Credential, *read)), nil
}

// Approve answers yes, with the number on the Mac.
func (p *Phone) Approve(ctx context.Context, push, number string) (s Standing, err error) {
	return s, p.Do(ctx, "pushes/"+push+"/approve", map[string]string{"number": number}, &s)
}

// Deny answers no.
func (p *Phone) Deny(ctx context.Context, push string) (s Standing, err error) {
	return s, p.Do(ctx, "pushes/"+push+"/deny", map[string]string{}, &s)
}

// NotMe answers "this wasn't me".
func (p *Phone) NotMe(ctx context.Context, push string) (s Standing, err error) {
	return s, p.Do(ctx, "pushes/"+push+"/not-me", map[string]string{}, &s)
}

// Listen calls news for each piece of news of the server's, until ctx or the
// stream ends. The error is a *Refusal, or why it ended.
func (p *Phone) Listen(ctx context.Context, news func()) error {
	r, err := p.request(ctx, "events", nil)
	if err != nil {
		return err
	}
	answer, err := p.http.Do(r)
	if err != nil {
		return fmt.Errorf("listen to the server: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &Refusal{Status: answer.StatusCode}
	}
	for piece := make([]byte, 4096); ; {
		n, err := answer.Body.Read(piece)
		if strings.Contains(string(piece[:n]), "event: news") {
			news()
		}
		if err != nil {
			return fmt.Errorf("listen to the server: %w", err)
		}
	}
}

// Send sends any request with the phone's cookies, and follows no redirect.
func (p *Phone) Send(r *http.Request) (*http.Response, error) {
	once := *p.http
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return once.Do(r)
}

// Thief is a browser that has got hold of one cookie of the phone, and of its
// authenticator, but of nothing else.
func (p *Phone) Thief(cookie string) (*Phone, error) {
	u, err := url.Parse(p.base)
	if err != nil {
		return nil, fmt.Errorf("read the server's URL: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	for _, c := range p.http.Jar.Cookies(u) {
		if c.Name == cookie {
			jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
		}
	}
	thief := *p
	thief.http = &http.Client{Transport: p.http.Transport, Jar: jar}
	return &thief, nil
}
