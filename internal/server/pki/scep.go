package pki

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/smallstep/pkcs7"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// capabilities are what GetCACaps answers. No DES3 and no SHA-1 among them: a
// client then takes AES and SHA-256.
const capabilities = "AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-512\n"

// SCEP serves the protocol of RFC 8894 over HTTP.
type SCEP struct {
	issuer *Issuer
	log    *zap.Logger
	pace   *rate.Limiter
}

var _ http.Handler = (*SCEP)(nil)

// NewSCEP panics unless UseAES was called: a server that would answer in DES
// must not start.
func NewSCEP(i *Issuer, log *zap.Logger) *SCEP {
	if pkcs7.ContentEncryptionAlgorithm != pkcs7.EncryptionAlgorithmAES256CBC {
		panic("pki: UseAES was not called")
	}
	// Opening a message costs an RSA decryption for anyone who asks.
	return &SCEP{issuer: i, log: log, pace: rate.NewLimiter(20, 100)}
}

// ServeHTTP answers GetCACaps, GetCACert and PKIOperation.
func (s *SCEP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch op := r.URL.Query().Get("operation"); {
	case op == "GetCACaps" && r.Method == http.MethodGet:
		write(w, "text/plain", []byte(capabilities))
	case op == "GetCACert" && r.Method == http.MethodGet:
		write(w, "application/x-x509-ca-cert", s.issuer.Authority.Certificate.Raw)
	case op == "PKIOperation" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		s.operate(w, r)
	default:
		http.Error(w, "operation must be GetCACaps, GetCACert or PKIOperation", http.StatusBadRequest)
	}
}

func write(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body)
}

func (s *SCEP) operate(w http.ResponseWriter, r *http.Request) {
	if !s.pace.Allow() {
		w.Header().Set("Retry-After", "2")
		http.Error(w, "too many enrolments at once", http.StatusServiceUnavailable)
		return
	}
	raw, err := message(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.answer(r, raw)
	switch {
	case errors.Is(err, errMessage):
		s.log.Info("scep message refused", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Error(err))
		http.Error(w, errMessage.Error(), http.StatusBadRequest)
	case err != nil:
		s.log.Error("scep request failed", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", r.RemoteAddr), zap.Error(err))
		http.Error(w, "the server could not answer", http.StatusInternalServerError)
	default:
		write(w, "application/x-pki-message", answer)
	}
}

// message is the body of a POST, or the base64 of a GET.
func message(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method == http.MethodPost {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			return nil, fmt.Errorf("the message is longer than %d bytes, or was cut off", maxMessage)
		}
		return raw, nil
	}
	// A plus that the client did not escape has become a space.
	text := strings.ReplaceAll(r.URL.Query().Get("message"), " ", "+")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) > maxMessage {
		return nil, errors.New("the message is no base64, or too long")
	}
	return raw, nil
}

func (s *SCEP) answer(r *http.Request, raw []byte) ([]byte, error) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	client := systemlog.Client{IPAddress: host, UserAgent: r.UserAgent()}
	a := s.issuer.Authority
	req, err := a.read(raw)
	if err != nil && req.PKIMessage != nil {
		err = s.issuer.refused(r.Context(), req, client, err)
	}
	if err == nil {
		cert, issueErr := s.issuer.issue(r.Context(), req, client)
		if err = issueErr; err == nil {
			reply, err := req.Success(a.Certificate, a.key, cert)
			if err != nil {
				return nil, fmt.Errorf("answer a SCEP request: %w", err)
			}
			return reply.Raw, nil
		}
	}
	var refusal *refusedError
	if !errors.As(err, &refusal) {
		return nil, err
	}
	s.log.Info("scep request refused", zap.String("request", systemlog.RequestOf(r.Context())), zap.String("client", host), zap.String("reason", refusal.reason))
	reply, err := req.Fail(a.Certificate, a.key, refusal.info)
	if err != nil {
		return nil, fmt.Errorf("refuse a SCEP request: %w", err)
	}
	return reply.Raw, nil
}
