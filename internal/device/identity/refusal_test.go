package identity

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/scep"
)

// refusal is an enrolment that must not succeed.
type refusal struct {
	name   string
	server func(*scepServer)
	enrol  func(*Enrolment)
	want   string
}

func (c refusal) check(t *testing.T) {
	s := newSCEPServer(t)
	if c.server != nil {
		c.server(s)
	}
	f, _, err := s.enrol(t, c.enrol)
	if err == nil || !strings.Contains(err.Error(), c.want) {
		t.Errorf("%v\nwant %s", err, c.want)
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Error("the error shows the challenge")
	}
	if entries, _ := os.ReadDir(f.Dir); len(entries) != 0 {
		t.Errorf("%d files are left", len(entries))
	}
}

// stranger is another authority of the same name.
func stranger(s *scepServer) *scepServer {
	other := newSCEPServer(s.t)
	other.key = keys()[1]
	other.ca = sign(s.t, caTemplate(), caTemplate(), &other.key.PublicKey, other.key)
	return other
}

func TestEnrolRefusals(t *testing.T) {
	for _, c := range []refusal{
		{"a wrong challenge", nil, func(e *Enrolment) { e.Challenge = "other" }, "the challenge is wrong, used up or expired"},
		{"another fingerprint", nil, func(e *Enrolment) { e.Authority.Fingerprint = strings.Repeat("ab", 32) }, "another fingerprint"},
		{"no fingerprint over http", nil, func(e *Enrolment) { e.Authority.Fingerprint = "" }, "over http the SHA-256 fingerprint"},
		{"a cut fingerprint", nil, func(e *Enrolment) { e.Authority.Fingerprint = "abcd" }, "64 hexadecimal digits"},
		{"no URL", nil, func(e *Enrolment) { e.Authority.URL = "ftp://x" }, "an http or https URL is expected"},
		{"no common name", nil, func(e *Enrolment) { e.CommonName = "" }, "1 to 64 are allowed"},
		{"a server without AES", func(s *scepServer) { s.caps = "POSTPKIOperation\nSHA-256\nDES3" }, nil, "does not offer AES"},
		{"a server without SHA-256", func(s *scepServer) { s.caps = "POSTPKIOperation\nAES\nSHA-1" }, nil, "does not offer SHA-256"},
	} {
		t.Run(c.name, c.check)
	}
}

func TestAnswerRefusals(t *testing.T) {
	for _, c := range []refusal{
		{"no marker", func(s *scepServer) { s.leaf = func(c *x509.Certificate) { c.ExtraExtensions = nil } }, nil, "marker extension 1.3.6.1.4.1.51150.13.1 is missing"},
		{"a marker of 2", func(s *scepServer) {
			s.leaf = func(c *x509.Certificate) { c.ExtraExtensions[0].Value = []byte{2, 1, 2} }
		}, nil, "is missing"},
		{"for servers", func(s *scepServer) {
			s.leaf = func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
		}, nil, "not issued for client authentication"},
		{"an expired one", func(s *scepServer) {
			s.leaf = func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(9, 0) }
		}, nil, "expired at 1970"},
		{"for another key", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
				return s.must(msg.Success(s.ca, s.key, sign(s.t, cert, s.ca, &keys()[1].PublicKey, s.key)))
			}
		}, nil, "for another key"},
		{"signed by another authority", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
				other := stranger(s)
				return s.must(msg.Success(other.ca, other.key, cert))
			}
		}, nil, "read the SCEP server's answer"},
		{"issued by another authority", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
				other := stranger(s)
				forged := *cert
				forged.ExtraExtensions = []pkix.Extension{markerExtension(false)}
				return s.must(msg.Success(s.ca, s.key, sign(s.t, &forged, other.ca, cert.PublicKey.(*rsa.PublicKey), other.key)))
			}
		}, nil, "cannot be used"},
		{"an answer to another request", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
				msg.SenderNonce = scep.SenderNonce("another nonce...")
				return s.must(msg.Success(s.ca, s.key, cert))
			}
		}, nil, "it answers another request"},
		{"an answer to another transaction", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
				msg.TransactionID = "another"
				return s.must(msg.Success(s.ca, s.key, cert))
			}
		}, nil, "it answers another request"},
		{"rubbish", func(s *scepServer) {
			s.reply = func(*scep.PKIMessage, *x509.Certificate) []byte { return []byte{0x30, 0x80, 1, 2, 3} }
		}, nil, "read the SCEP server's answer"},
		{"nothing", func(s *scepServer) {
			s.reply = func(*scep.PKIMessage, *x509.Certificate) []byte { return nil }
		}, nil, "read the SCEP server's answer"},
		{"the request sent back", func(s *scepServer) {
			s.reply = func(msg *scep.PKIMessage, _ *x509.Certificate) []byte { return msg.Raw }
		}, nil, "read the SCEP server's answer"},
	} {
		t.Run(c.name, c.check)
	}
}
