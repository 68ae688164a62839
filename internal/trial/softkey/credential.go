package softkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// The flags of authenticator data.
const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

type descriptor struct {
	ID   []byte `cbor:"id"`
	Type string `cbor:"type"`
}

type makeRequest struct {
	Hash []byte `cbor:"1,keyasint"`
	RP   struct {
		ID   string `cbor:"id"`
		Name string `cbor:"name"`
	} `cbor:"2,keyasint"`
	User struct {
		ID          []byte `cbor:"id"`
		Name        string `cbor:"name"`
		DisplayName string `cbor:"displayName"`
	} `cbor:"3,keyasint"`
	Algorithms []struct {
		Algorithm int    `cbor:"alg"`
		Type      string `cbor:"type"`
	} `cbor:"4,keyasint"`
	Exclude  []descriptor    `cbor:"5,keyasint"`
	Options  map[string]bool `cbor:"7,keyasint"`
	Proof    *[]byte         `cbor:"8,keyasint"`
	Protocol int             `cbor:"9,keyasint"`
}

type assertRequest struct {
	RPID     string          `cbor:"1,keyasint"`
	Hash     []byte          `cbor:"2,keyasint"`
	Allow    []descriptor    `cbor:"3,keyasint"`
	Options  map[string]bool `cbor:"5,keyasint"`
	Proof    *[]byte         `cbor:"6,keyasint"`
	Protocol int             `cbor:"7,keyasint"`
}

// use is what both commands ask before they do anything.
type use struct {
	hash     []byte
	rpID     string
	options  map[string]bool
	proof    *[]byte
	protocol int
	what     byte
}

// user says whether its user was verified: by a token, or by a finger.
func (r request) user(u use) (bool, status) {
	k := r.key
	if u.proof != nil && len(*u.proof) == 0 { // asks which key it is
		if s := r.waitForTouch(); s != ok {
			return false, s
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.memory.pinHash == nil {
			return false, pinNotSet
		}
		return false, pinInvalid
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case u.proof != nil:
		return true, k.authorised(u.protocol, u.hash, *u.proof, u.what, u.rpID)
	case u.options["uv"] && !k.options.Fingerprint:
		return false, invalidOption
	case u.options["uv"]:
		return true, r.finger()
	case u.what == mayMake && (k.memory.pinHash != nil || k.options.Fingerprint):
		return false, puatRequired
	}
	return false, ok
}

func (r request) makeCredential(raw []byte) (any, status) {
	var m makeRequest
	if s := read(raw, &m); s != ok {
		return nil, s
	}
	if len(m.Hash) != 32 || m.RP.ID == "" || len(m.User.ID) == 0 || len(m.Algorithms) == 0 {
		return nil, missingParameter
	}
	uv, s := r.user(use{m.Hash, m.RP.ID, m.Options, m.Proof, m.Protocol, mayMake})
	if s != ok {
		return nil, s
	}
	es256 := false
	for _, a := range m.Algorithms {
		es256 = es256 || a.Algorithm == -7
	}
	if !es256 {
		return nil, unsupportedAlg
	}
	if r.key.tooMuch(m.Exclude) {
		return nil, limitExceeded
	}
	if s := r.waitForTouch(); s != ok {
		return nil, s
	}
	k := r.key
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used(m.Protocol)
	if _, private := k.find(m.RP.ID, m.Exclude); private != nil {
		return nil, excluded
	}
	return k.makeFor(m, uv)
}

// tooMuch: the list is longer, or an ID in it, than the key says that it takes.
func (k *Key) tooMuch(list []descriptor) bool {
	return k.options.MaxCredentials > 0 && len(list) > k.options.MaxCredentials ||
		slices.ContainsFunc(list, func(d descriptor) bool { return len(d.ID) > maxCredentialLength })
}

func (k *Key) makeFor(m makeRequest, uv bool) (any, status) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, other
	}
	id, err := k.sealCredential(m.RP.ID, private)
	if err != nil {
		return nil, other
	}
	public, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, other
	}
	cose, err := canonical(map[int]any{1: 2, 3: -7, -1: 1, -2: public[1:33], -3: public[33:]})
	if err != nil {
		return nil, other
	}
	credential := append(slices.Clone(aaguid()), byte(len(id)>>8), byte(len(id)))
	data := append(k.authData(m.RP.ID, attested, uv, true), slices.Concat(credential, id, cose)...)
	signature, err := k.sign(private, data, m.Hash)
	if err != nil {
		return nil, other
	}
	return map[int]any{1: "packed", 2: data, 3: map[string]any{"alg": -7, "sig": signature}}, ok
}

func (r request) getAssertion(raw []byte) (any, status) {
	var a assertRequest
	if s := read(raw, &a); s != ok {
		return nil, s
	}
	if len(a.Hash) != 32 || a.RPID == "" {
		return nil, missingParameter
	}
	uv, s := r.user(use{a.Hash, a.RPID, a.Options, a.Proof, a.Protocol, mayAssert})
	if s != ok {
		return nil, s
	}
	k := r.key
	if k.tooMuch(a.Allow) {
		return nil, limitExceeded
	}
	k.mu.Lock()
	id, private := k.find(a.RPID, a.Allow)
	k.mu.Unlock()
	if private == nil {
		return nil, noCredentials
	}
	up, said := a.Options["up"]
	if up = up || !said; up {
		if s := r.waitForTouch(); s != ok {
			return nil, s
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if up {
		k.used(a.Protocol)
	}
	data := k.authData(a.RPID, 0, uv, up)
	signature, err := k.sign(private, data, a.Hash)
	if err != nil {
		return nil, other
	}
	return map[int]any{1: descriptor{ID: id, Type: "public-key"}, 2: data, 3: signature}, ok
}

// authData counts, and says what was done.
func (k *Key) authData(rpID string, flags byte, uv, up bool) []byte {
	if k.fault == WrongRP {
		rpID = "elsewhere." + rpID
	}
	hash := sha256.Sum256([]byte(rpID))
	if uv {
		flags |= verified
	}
	if up && k.fault != NoTouchFlag {
		flags |= present
	}
	switch {
	case k.options.CountsNothing:
	case k.fault == CounterBack && k.memory.counter > 1:
		k.memory.counter--
	default:
		k.memory.counter++
	}
	return binary.BigEndian.AppendUint32(append(hash[:], flags), k.memory.counter)
}

func (k *Key) sign(private *ecdsa.PrivateKey, data, hash []byte) ([]byte, error) {
	if k.fault == WrongSignature {
		var err error
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(slices.Concat(data, hash))
	return ecdsa.SignASN1(rand.Reader, private, sum[:])
}

func (k *Key) sealing() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.memory.secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealCredential puts a private key into its own ID, for the relying party alone.
func (k *Key) sealCredential(rpID string, private *ecdsa.PrivateKey) ([]byte, error) {
	aead, err := k.sealing()
	if err != nil {
		return nil, err
	}
	raw, err := private.Bytes()
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, raw, []byte(rpID)), nil
}

// find is the first credential of a list that is the key's own.
func (k *Key) find(rpID string, list []descriptor) ([]byte, *ecdsa.PrivateKey) {
	aead, err := k.sealing()
	if err != nil {
		return nil, nil
	}
	for _, d := range list {
		raw, err := aead.Open(nil, nil, d.ID, []byte(rpID))
		if err != nil {
			continue
		}
		if private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return d.ID, private
		}
	}
	return nil, nil
}
