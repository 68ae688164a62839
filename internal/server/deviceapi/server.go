package deviceapi

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Registry takes secrets and activations, and knows what it holds.
type Registry interface {
	States(ctx context.Context, tx *sql.Tx, accounts []string) (map[string]recovery.State, error)
	Register(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, u wire.SecretUpload) (wire.SecretResult, error)
	Activated(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, v recovery.Activation) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Verifier decides whether a certificate that a Mac showed, with those that
// came after it, is of an authority that counts. Recall may leave out what does
// not change: whether the authority is trusted still is to be asked after it.
// The error is pki.ErrUntrusted, or tells why that is not known.
type Verifier interface {
	Verify(ctx context.Context, shown []*x509.Certificate) (pki.Vouched, error)
	Recall(ctx context.Context, shown []*x509.Certificate) (pki.Vouched, error)
}

// Server answers check-ins. All fields but MinAgent are needed. It must not be
// copied once it serves.
type Server struct {
	DB       Database
	Vault    *vault.Vault
	Log      Journal
	Book     Registry
	Trust    Verifier
	Zap      *zap.Logger
	Now      func() time.Time
	Every    time.Duration // between check-ins
	MinAgent string        // oldest version of the daemon that is welcome
	Pace     *Pace

	rounds rounds
}

// Handler is the device listener's.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.CheckInPath, s.checkIn)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		apierror.New(http.StatusNotFound, "Not found: this listener serves devices only.").Write(w)
	})
	return mux
}

// WellKnown tells a Mac where the device listener is. It belongs on the main
// listener.
func WellKnown(deviceURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(wire.WellKnown{DeviceURL: deviceURL})
	})
}

// verifyTime bounds how long a handshake waits for the database.
const verifyTime = 5 * time.Second

// TLS is the device listener's configuration: TLS 1.3, and a client certificate
// that trust takes, where there is one. That there is one is checked by the
// handler, which can say what is missing.
//
// The certificate is asked for, and verified here, instead of by Go: its own
// check refuses a marker that is called critical, and has one pool for as long
// as the listener runs. The names of the authorities are not sent: a Mac has
// one certificate, and shows it.
func TLS(server tls.Certificate, trust Verifier, now func() time.Time) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert, Time: now,
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 {
				return nil
			}
			ctx, cancel := context.WithTimeout(context.Background(), verifyTime) // a handshake has none to pass on
			defer cancel()
			_, err := trust.Verify(ctx, c.PeerCertificates)
			return err
		}}
}

func (s *Server) checkIn(w http.ResponseWriter, r *http.Request) {
	raw, err := s.answer(r)
	var refusal *apierror.Error
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(raw)
	case errors.As(err, &refusal):
		s.Zap.Info("check-in refused", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Int("status", refusal.Status), zap.String("error_id", refusal.Body.ErrorID),
			zap.String("summary", refusal.Body.ErrorSummary), zap.String("reason", refusal.Body.Reason), zap.Any("causes", refusal.Body.ErrorCauses))
		refusal.Write(w)
	case r.Context().Err() != nil:
		// The Mac went away, which happens at any login window. It asks again.
		s.Zap.Info("a device went away during its check-in", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Error(err))
		apierror.GivenUp(err).Write(w)
	default:
		hidden := apierror.Internal(err)
		s.Zap.Error("check-in failed", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.String("error_id", hidden.Body.ErrorID), zap.Error(err))
		hidden.Write(w)
	}
}

func (s *Server) answer(r *http.Request) ([]byte, error) {
	id, err := certificate(r, s.Trust)
	if err != nil {
		return nil, err
	}
	if wait := s.Pace.Wait(id.fingerprint, s.Now()); wait > 0 {
		e := apierror.New(http.StatusServiceUnavailable, "Too many check-ins.")
		e.RetryAfter = strconv.Itoa(int(wait/time.Second) + 1)
		return nil, e
	}
	raw, err := read(r.Body, r.ContentLength)
	if err != nil {
		return nil, err
	}
	in, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	return s.inRound(r.Context(), &visit{id: id, request: hex.EncodeToString(sum[:]), in: in})
}
