package profile

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/smallstep/pkcs7"
)

// Signature is what a signed profile says of itself. Nobody here has looked at
// whether the signer is to be trusted: the MDM and the Mac do that.
type Signature struct {
	Signer  string    `json:"signer"` // subject of the certificate
	Issuer  string    `json:"issuer"`
	Until   time.Time `json:"until"`             // end of the certificate's validity
	Intact  bool      `json:"intact"`            // the profile is what was signed
	Problem string    `json:"problem,omitempty"` // if it is not intact
}

// Bounds of a signature, far above what a signed profile has.
const (
	berDepth   = 24
	berObjects = 4096
)

// signed reports whether data is a CMS message rather than a list.
func signed(data []byte) bool {
	return len(data) > 2 && data[0] == 0x30 && data[1] >= 0x80 || bytes.HasPrefix(bytes.TrimSpace(data[:min(len(data), 64)]), []byte("-----BEGIN "))
}

// unwrap takes the profile out of a CMS message.
func unwrap(data []byte) ([]byte, *Signature, error) {
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	if !bounded(data) {
		return nil, nil, errors.New("the signature is damaged, or of no form that profiles have")
	}
	message, err := parseCMS(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read the signed message: %w", err)
	}
	if len(message.Content) == 0 {
		return nil, nil, errors.New("the signed message has no profile in it")
	}
	s := &Signature{Intact: true}
	if cert := message.GetOnlySigner(); cert != nil {
		s.Signer, s.Issuer, s.Until = cert.Subject.String(), cert.Issuer.String(), cert.NotAfter.UTC()
	}
	if err := verify(message); err != nil {
		s.Intact, s.Problem = false, err.Error()
	}
	return message.Content, s, nil
}

// parseCMS turns a panic of the library into an error.
func parseCMS(data []byte) (p *pkcs7.PKCS7, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("the reader failed: %v", r)
		}
	}()
	return pkcs7.Parse(data)
}

func verify(p *pkcs7.PKCS7) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the signature cannot be read: %v", r)
		}
	}()
	return p.Verify()
}

// bounded walks over a BER message before the library does. That one goes in as
// deep as the message says, searches to the end of the file after every object,
// and reads bytes again that a child claims beyond its parent.
func bounded(ber []byte) bool {
	var ends []int // of the objects that are open, 0 for one that ends with a mark
	fresh := false // the innermost has no child yet
	for at, objects := 0, 0; ; objects++ {
		for len(ends) > 0 && !fresh {
			end := ends[len(ends)-1]
			if end == 0 && bytes.HasPrefix(ber[at:], []byte{0, 0}) {
				at += 2
			} else if end == 0 || at < end {
				break
			} else if at > end {
				return false
			}
			ends = ends[:len(ends)-1]
		}
		if len(ends) == 0 && objects > 0 {
			return at == len(ber)
		}
		start, end, constructed, ok := header(ber, at)
		if !ok || objects >= berObjects || len(ends) >= berDepth || !inside(ends, end) {
			return false
		}
		at, fresh = end, false
		if constructed {
			ends = append(ends, end)
			at, fresh = start, start != end
			if end == 0 {
				fresh = true
			}
		}
	}
}

// inside: an object ends within all that are open around it.
func inside(ends []int, end int) bool {
	for _, e := range ends {
		if e != 0 && end > e {
			return false
		}
	}
	return true
}

// header reads tag and length: where the content starts and where it ends, 0
// when a mark ends it.
func header(ber []byte, at int) (start, end int, constructed, ok bool) {
	if at+2 > len(ber) || ber[at]&0x1f == 0x1f {
		return 0, 0, false, false
	}
	constructed = ber[at]&0x20 != 0
	length := int(ber[at+1])
	start = at + 2
	switch {
	case length == 0x80:
		return start, 0, true, constructed
	case length > 0x80:
		n := length & 0x7f
		if n > 4 || start+n > len(ber) || ber[start] == 0 {
			return 0, 0, false, false
		}
		length = int(be(ber[start : start+n]))
		start += n
	}
	return start, start + length, constructed, length <= len(ber)-start
}

func be(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// Sign wraps a profile into a CMS message, signed with a key whose certificate
// comes first; what follows are the certificates up to its root.
func Sign(profile []byte, chain []*x509.Certificate, key crypto.Signer) ([]byte, error) {
	if len(chain) == 0 || key == nil {
		return nil, errors.New("sign the profile: a certificate and its key are needed")
	}
	message, err := pkcs7.NewSignedData(profile)
	if err != nil {
		return nil, fmt.Errorf("sign the profile: %w", err)
	}
	message.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := message.AddSigner(chain[0], key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("sign the profile: %w", err)
	}
	for _, c := range chain[1:] {
		message.AddCertificate(c)
	}
	out, err := message.Finish()
	if err != nil {
		return nil, fmt.Errorf("sign the profile: %w", err)
	}
	return out, nil
}
