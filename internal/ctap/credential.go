package ctap

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// NewCredential is what a credential is made for. It is one that the key
// cannot list by itself.
type NewCredential struct {
	ClientDataHash        [32]byte // SHA-256 of ClientData
	RPID, RPName          string
	UserID                []byte   // 1 to 64 bytes
	UserName, DisplayName string   // as RPName, the first 64 bytes are sent
	Algorithms            []int    // COSE, the best first: ES256, EdDSA, RS256
	Exclude               [][]byte // credential IDs: a key that has one of them makes no other
	Token                 *Token   // from UnlockPIN or UnlockBuiltIn, or nil
	UV                    bool     // the user must be verified; without a token the key is asked to do it by itself
}

// Credential is what a key made.
type Credential struct {
	ID           []byte // 1 to 1023 bytes
	PublicKey    []byte // COSE_Key, as in AuthData
	AAGUID       [16]byte
	Counter      uint32
	UserVerified bool
	AuthData     []byte
	Format       string // of the attestation
	AttStmt      []byte // CBOR: the attestation statement, which is not checked
}

type relyingParty struct {
	ID   string `cbor:"id"`
	Name string `cbor:"name,omitempty"`
}

type user struct {
	ID          []byte `cbor:"id"`
	Name        string `cbor:"name,omitempty"`
	DisplayName string `cbor:"displayName,omitempty"`
}

type algorithm struct {
	Algorithm int    `cbor:"alg"`
	Type      string `cbor:"type"`
}

type descriptor struct {
	ID   []byte `cbor:"id"`
	Type string `cbor:"type"`
}

type makeCredential struct {
	ClientDataHash []byte          `cbor:"1,keyasint"`
	RP             relyingParty    `cbor:"2,keyasint"`
	User           user            `cbor:"3,keyasint"`
	Algorithms     []algorithm     `cbor:"4,keyasint"`
	Exclude        []descriptor    `cbor:"5,keyasint,omitempty"`
	Options        map[string]bool `cbor:"7,keyasint,omitempty"`
	Proof          *[]byte         `cbor:"8,keyasint,omitempty"`
	Protocol       protocol        `cbor:"9,keyasint,omitempty"`
}

func publicKeyType(ids [][]byte) (list []descriptor) {
	for _, id := range ids {
		list = append(list, descriptor{ID: id, Type: "public-key"})
	}
	return list
}

// MakeCredential makes a credential once the key was touched. A key that has
// one of those excluded is ErrExcluded.
func (k *Key) MakeCredential(ctx context.Context, n NewCredential, waiting func(Waiting)) (Credential, error) {
	if err := n.check(); err != nil {
		return Credential{}, err
	}
	exclude, err := k.narrowed(ctx, Wanted{RPID: n.RPID, Allow: k.info.fits(n.Exclude), Token: n.Token})
	if err != nil && !errors.Is(err, ErrNoCredential) {
		return Credential{}, fmt.Errorf("look for a credential that excludes another: %w", err)
	}
	raw, err := k.ask(ctx, cmdMakeCredential, n.request(exclude), waiting)
	if err != nil {
		return Credential{}, fmt.Errorf("make a credential: %w", err)
	}
	made, err := parseCredential(raw)
	if err != nil {
		return Credential{}, fmt.Errorf("make a credential: %w", err)
	}
	if err := n.fulfilled(made); err != nil {
		return Credential{}, fmt.Errorf("make a credential: %w", err)
	}
	return made, nil
}

// What goes into a request: a domain name, a user handle (WebAuthn §5.4.3), and
// as much of a name as every key takes, in bytes.
const (
	maxRPID   = 253
	maxUserID = 64
	maxName   = 64
)

// shortened is as much of a name as fits, in whole characters.
func shortened(name string) string {
	if len(name) <= maxName {
		return strings.ToValidUTF8(name, "")
	}
	return strings.ToValidUTF8(name[:maxName], "")
}

func (n NewCredential) check() error {
	if n.RPID == "" || len(n.RPID) > maxRPID || len(n.UserID) == 0 || len(n.UserID) > maxUserID {
		return fmt.Errorf("a credential needs a relying party of at most %d bytes, and a user ID of 1 to %d", maxRPID, maxUserID)
	}
	if len(n.Algorithms) == 0 {
		return errors.New("a credential needs an algorithm")
	}
	for _, a := range n.Algorithms {
		if a != ES256 && a != EdDSA && a != RS256 {
			return fmt.Errorf("signatures of the algorithm %d cannot be verified here: ask for ES256, EdDSA or RS256", a)
		}
	}
	return nil
}

func (n NewCredential) request(exclude [][]byte) makeCredential {
	r := makeCredential{
		ClientDataHash: n.ClientDataHash[:],
		RP:             relyingParty{ID: n.RPID, Name: shortened(n.RPName)},
		User:           user{ID: n.UserID, Name: shortened(n.UserName), DisplayName: shortened(n.DisplayName)},
		Exclude:        publicKeyType(exclude),
	}
	for _, a := range n.Algorithms {
		r.Algorithms = append(r.Algorithms, algorithm{Algorithm: a, Type: "public-key"})
	}
	if n.Token != nil {
		proof := n.Token.prove(n.ClientDataHash[:])
		r.Proof, r.Protocol = &proof, n.Token.protocol
	} else if n.UV {
		r.Options = map[string]bool{"uv": true}
	}
	return r
}

// fulfilled: what the key made is what it was asked for.
func (n NewCredential) fulfilled(made Credential) error {
	data, err := parseAuthData(made.AuthData)
	if err != nil {
		return nonsense("%w", err)
	}
	key, err := parsePublicKey(made.PublicKey)
	if err != nil {
		return nonsense("%w", err)
	}
	switch {
	case data.rpIDHash != sha256.Sum256([]byte(n.RPID)):
		return ErrRP
	case !data.has(flagPresent):
		return ErrNotPresent
	case (n.UV || n.Token != nil) && !made.UserVerified:
		return ErrNotVerified
	case !slices.Contains(n.Algorithms, key.algorithm):
		return nonsense("a credential of the algorithm %d, which was not asked for", key.algorithm)
	case slices.ContainsFunc(n.Exclude, func(id []byte) bool { return slices.Equal(id, made.ID) }):
		return nonsense("a new credential with the ID of an excluded one")
	}
	return nil
}

type credentialAnswer struct {
	Format   string          `cbor:"1,keyasint"`
	AuthData []byte          `cbor:"2,keyasint"`
	AttStmt  cbor.RawMessage `cbor:"3,keyasint"`
}

// parseCredential reads the CBOR of an answer to authenticatorMakeCredential.
func parseCredential(raw []byte) (Credential, error) {
	var a credentialAnswer
	if err := decodeCBOR(raw, &a); err != nil {
		return Credential{}, nonsense("a new credential: %w", err)
	}
	data, err := parseAuthData(a.AuthData)
	if err != nil {
		return Credential{}, nonsense("a new credential: %w", err)
	}
	var statement map[string]cbor.RawMessage
	if len(a.AttStmt) > 0 {
		if err := decodeCBOR(a.AttStmt, &statement); err != nil {
			return Credential{}, nonsense("an attestation statement: %w", err)
		}
	}
	if !data.has(flagCredential) || a.Format == "" {
		return Credential{}, nonsense("a new credential without its key or the format of its attestation")
	}
	return Credential{
		ID: data.credential, PublicKey: data.publicKey, AAGUID: data.aaguid, Counter: data.counter,
		UserVerified: data.has(flagVerified), AuthData: a.AuthData, Format: a.Format, AttStmt: a.AttStmt,
	}, nil
}
