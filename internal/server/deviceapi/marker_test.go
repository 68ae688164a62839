package deviceapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
)

// A certificate that the handshake took opens nothing without the marker.
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
		r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Extensions: c.extensions}}}}
		if _, err := deviceapi.Certificate(r); (err == nil) != c.ok {
			t.Errorf("%s: %v, want taken %v", name, err, c.ok)
		}
	}
	r := httptest.NewRequest("POST", "/device/v1/check-in", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Extensions: []pkix.Extension{{Id: oid, Value: []byte{2, 1, 1}}}}}}
	if _, err := deviceapi.Certificate(r); err == nil {
		t.Error("a certificate that nobody verified was taken")
	}
}
