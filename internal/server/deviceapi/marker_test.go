package deviceapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

// verdict is what is said of every certificate.
type verdict struct{ err error }

func (v verdict) Verify(context.Context, []*x509.Certificate) (pki.Vouched, error) {
	return pki.Vouched{}, v.err
}

func (v verdict) Recall(ctx context.Context, shown []*x509.Certificate) (pki.Vouched, error) {
	return v.Verify(ctx, shown)
}

// A certificate of an authority that is trusted opens nothing without the marker.
func TestMarkerIsNeeded(t *testing.T) {
	oid := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 51150, 13, 1}
	for name, c := range map[string]struct {
		extensions []pkix.Extension
		ok         bool
	}{
		"INTEGER 1":        {[]pkix.Extension{{Id: oid, Value: []byte{2, 1, 1}}}, true},
		"none":             {nil, false},
		"INTEGER 2":        {[]pkix.Extension{{Id: oid, Value: []byte{2, 1, 2}}}, false},
		"a string":         {[]pkix.Extension{{Id: oid, Value: []byte{12, 1, '1'}}}, false},
		"something after":  {[]pkix.Extension{{Id: oid, Value: []byte{2, 1, 1, 0}}}, false},
		"empty":            {[]pkix.Extension{{Id: oid}}, false},
		"another OID":      {[]pkix.Extension{{Id: oid[:8], Value: []byte{2, 1, 1}}}, false},
		"a bad one first":  {[]pkix.Extension{{Id: oid, Value: []byte{2, 1, 0}}, {Id: oid, Value: []byte{2, 1, 1}}}, false},
		"a good one later": {[]pkix.Extension{{Id: oid[:8], Value: []byte{2, 1, 1}}, {Id: oid, Value: []byte{2, 1, 1}}}, true},
	} {
		r := httptest.NewRequest("POST", "/device/v1/check-in", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Extensions: c.extensions}}}
		if _, err := deviceapi.Certificate(&deviceapi.Server{Trust: verdict{}}, r); (err == nil) != c.ok {
			t.Errorf("%s: %v, want taken %v", name, err, c.ok)
		}
	}
}

// Whatever the handshake said: what nobody verifies now is not taken, also
// where the chains that were verified then are at hand.
func TestNothingIsTakenUnverified(t *testing.T) {
	marked := &x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 51150, 13, 1}, Value: []byte{2, 1, 1}}}}
	for name, c := range map[string]struct {
		state   *tls.ConnectionState
		verdict error
	}{
		"no TLS":                   {nil, nil},
		"no certificate":           {&tls.ConnectionState{}, nil},
		"a chain of the handshake": {&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{marked}}}, nil},
		"not trusted":              {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{marked}, VerifiedChains: [][]*x509.Certificate{{marked}}}, pki.ErrUntrusted},
		"not known":                {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{marked}}, errors.New("the database is gone")},
	} {
		r := httptest.NewRequest("POST", "/device/v1/check-in", nil)
		r.TLS = c.state
		if got, err := deviceapi.Certificate(&deviceapi.Server{Trust: verdict{c.verdict}}, r); err == nil || got != nil {
			t.Errorf("%s: taken", name)
		}
	}
}
