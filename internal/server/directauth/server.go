package directauth

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Factors knows whether a user's factor is right.
type Factors interface {
	Subject(ctx context.Context, hint string) (factor.Subject, error)
	After(ctx context.Context, token string, a factor.Asker) (factor.Subject, []string, error)
	TryTOTP(ctx context.Context, s factor.Subject, typed, mfa string, a factor.Asker) error
	TryPassword(ctx context.Context, s factor.Subject, typed string, a factor.Asker) (factor.MFA, error)
	Push(ctx context.Context, s factor.Subject, mfa string, a factor.Asker) (factor.Challenge, error)
	Redeem(ctx context.Context, code, mfa string, a factor.Asker) (directory.User, error)
	AskKey(ctx context.Context, s factor.Subject, mfa string, a factor.Asker) (factor.KeyChallenge, error)
	TryKey(ctx context.Context, answer credential.Assertion, mfa string, a factor.Asker) (directory.User, error)
}

// Door lets Macs in.
type Door interface {
	Enter(r *http.Request) (directory.Device, error)
}

// Config is what a Server works with. All fields are needed.
type Config struct {
	DB      Database
	Vault   *vault.Vault
	Log     Journal
	Factors Factors
	Door    Door
	Keys    *Keys
	Zap     *zap.Logger
	Now     func() time.Time
	// Issuer is the org's URL as administrators put it into profiles
	// (DMFAOrgURL), and DeviceURL where Macs reach this API; both without a slash
	// at the end.
	Issuer, DeviceURL string
}

// Server answers direct authentication.
type Server struct {
	Config
	pace   *deviceapi.Pace // of a Mac
	logins *limit          // of a login
	told   *limit          // of events about clients that are refused
}

// What one Mac, and one login, may ask for in a second.
const (
	perMac, burstOfMac = 20, 80
	perLogin           = 4
)

// New is a server.
func New(c Config) *Server {
	return &Server{Config: c, pace: deviceapi.NewPace(perMac, burstOfMac), logins: newLimit(perLogin, perLogin), told: newLimit(1.0/60, 1)}
}

// authorizationServer is one of the two under which the same is found.
type authorizationServer struct {
	path   string // in front of /v1
	issuer string
}

// Handler belongs on the device listener.
func (s *Server) Handler() http.Handler {
	mux := s.public()
	for _, as := range s.servers() {
		v1 := as.path + "/v1"
		for path, do := range map[string]operation{"/primary-authenticate": s.primary, "/oob-authenticate": s.primary, "/challenge": s.challenge, "/token": s.token} {
			mux.HandleFunc("POST "+v1+path, s.handle(as, do))
		}
		mux.HandleFunc("OPTIONS "+v1+"/token", options)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		apierror.New(http.StatusNotFound, "Not found: there is no such operation of direct authentication.").Write(w)
	})
	return mux
}

func (s *Server) servers() []authorizationServer {
	return []authorizationServer{{"/oauth2", s.Issuer}, {"/oauth2/default", s.Issuer + "/oauth2/default"}}
}

// public is what anybody may read: discovery, and the keys.
func (s *Server) public() *http.ServeMux {
	mux := http.NewServeMux()
	for _, as := range s.servers() {
		mux.HandleFunc("GET "+as.path+"/v1/keys", s.Keys.serve)
		mux.HandleFunc("GET "+strings.TrimPrefix(as.issuer, s.Issuer)+"/.well-known/openid-configuration", s.metadata(as))
	}
	return mux
}

// Discovery belongs on the main listener, whose URL is the issuer's: what
// anybody may read, and for all else where it is taken.
func (s *Server) Discovery() http.Handler {
	mux := s.public()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refusal(http.StatusForbidden, "access_denied", "Direct authentication is taken over a device certificate, at %s.", s.DeviceURL).write(w)
	})
	return mux
}

// call is one request, of a Mac and a client that are known.
type call struct {
	form
	as    authorizationServer
	asker factor.Asker
}

// operation answers a call.
type operation func(ctx context.Context, c call) (any, error)

func (s *Server) handle(as authorizationServer, do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.answer(as, do, r)
		var oauth *oauthError
		var refused *apierror.Error
		switch {
		case err == nil:
			write(w, http.StatusOK, answer)
		case errors.As(err, &oauth):
			s.Zap.Info("direct authentication refused", zap.String("path", r.URL.Path), zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Int("status", oauth.status), zap.String("error", oauth.Code))
			oauth.write(w)
		case errors.As(err, &refused):
			s.Zap.Info("direct authentication refused", zap.String("path", r.URL.Path), zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Int("status", refused.Status), zap.String("error_id", refused.Body.ErrorID),
				zap.String("summary", refused.Body.ErrorSummary))
			refused.Write(w)
		case r.Context().Err() != nil:
			s.Zap.Info("a device went away", zap.String("path", r.URL.Path), zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Error(err))
			apierror.GivenUp(err).Write(w)
		default:
			hidden := apierror.Internal(err)
			s.Zap.Error("direct authentication failed", zap.String("path", r.URL.Path), zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.String("error_id", hidden.Body.ErrorID), zap.Error(err))
			hidden.Write(w)
		}
	}
}

// answer lets a Mac and a client in before anything of the request is looked at.
func (s *Server) answer(as authorizationServer, do operation, r *http.Request) (any, error) {
	mac, err := s.Door.Enter(r)
	if err != nil {
		return nil, err
	}
	if wait := s.pace.Wait(mac.ID, s.Now()); wait > 0 {
		return nil, tooManyTokens(wait)
	}
	f, err := readForm(r)
	if err != nil {
		return nil, err
	}
	asker := factor.Asker{Device: mac, From: from(r)}
	client, err := s.authenticate(r, f)
	if err != nil {
		return nil, errors.Join(err, s.tellClient(r.Context(), asker, err))
	}
	asker.ClientID = client.ID
	return do(r.Context(), call{form: f, as: as, asker: asker})
}

// from is where a request came from, bounded.
func from(r *http.Request) systemlog.Client {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	agent := r.UserAgent()
	return systemlog.Client{IPAddress: host, UserAgent: agent[:min(len(agent), 200)]}
}

// tellClient writes, once a minute and Mac, that a client was refused. The id
// that was sent is not told: a secret may stand where it belongs.
func (s *Server) tellClient(ctx context.Context, a factor.Asker, why error) error {
	var no *oauthError
	if !errors.As(why, &no) || no.status != http.StatusUnauthorized {
		return nil
	}
	if wait, _ := s.told.over(a.Device.ID, s.Now()); wait > 0 {
		return nil
	}
	d := a.Device
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		return s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.TokenRefuse, Severity: systemlog.Warn, Message: "A Mac's client credentials were refused",
			Actor: systemlog.Actor{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}, Client: a.From,
			Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: "invalid_client"}})
	})
}

// options says what a browser may send, as Okta's does. There is no cookie here
// that a page could use, and none has a Mac's certificate.
func options(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" && len(origin) <= 256 {
		h.Set("Access-Control-Allow-Origin", origin)
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Max-Age", "3600")
	h.Set("Vary", "Origin")
	w.WriteHeader(http.StatusNoContent)
}

// metadata is OpenID Connect's discovery.
func (s *Server) metadata(as authorizationServer) http.HandlerFunc {
	base := s.DeviceURL + as.path + "/v1"
	document := map[string]any{"issuer": as.issuer, "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
		"grant_types_supported": grantTypes(), "response_types_supported": []string{}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"scopes_supported": scopes(), "claims_supported": []string{"iss", "sub", "aud", "iat", "exp", "auth_time", "amr", "nonce", "preferred_username", "email", "name"}}
	return func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, document) }
}
