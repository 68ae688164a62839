package ctap

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Wanted is what an assertion is asked for.
type Wanted struct {
	RPID           string
	ClientDataHash [32]byte // SHA-256 of ClientData
	Allow          [][]byte // credential IDs, at least one
	Token          *Token   // from UnlockPIN or UnlockBuiltIn, or nil
	UV             bool     // the user must be verified; without a token the key is asked to do it by itself
}

// Assertion is what a key signed: AuthData and the hash of the client data.
type Assertion struct {
	CredentialID, AuthData, Signature []byte
	UserHandle                        []byte // nil where the key does not keep it
}

type getAssertion struct {
	RPID           string          `cbor:"1,keyasint"`
	ClientDataHash []byte          `cbor:"2,keyasint"`
	Allow          []descriptor    `cbor:"3,keyasint,omitempty"`
	Options        map[string]bool `cbor:"5,keyasint,omitempty"`
	Proof          []byte          `cbor:"6,keyasint,omitempty"`
	Protocol       protocol        `cbor:"7,keyasint,omitempty"`
}

// GetAssertion has the key sign once it was touched. A key that has none of
// the credentials is ErrNoCredential. What it signed is for Verify to check.
func (k *Key) GetAssertion(ctx context.Context, w Wanted, waiting func(Waiting)) (Assertion, error) {
	if w.RPID == "" || len(w.RPID) > maxRPID || len(w.Allow) == 0 {
		return Assertion{}, fmt.Errorf("an assertion needs a relying party of at most %d bytes, and the ID of a credential", maxRPID)
	}
	allow, err := k.narrowed(ctx, Wanted{RPID: w.RPID, Allow: k.info.fits(w.Allow), Token: w.Token})
	if err == nil && len(allow) == 0 {
		err = ErrNoCredential // none has a length that this key makes
	}
	if err != nil {
		return Assertion{}, fmt.Errorf("look for the credential: %w", err)
	}
	w.Allow = allow
	found, err := k.assert(ctx, w, w.request(), waiting)
	if err != nil {
		return Assertion{}, fmt.Errorf("get an assertion: %w", err)
	}
	return found, nil
}

// narrowed is the part of a list of credentials that is worth sending: all of
// it when it fits, else the one of it that the key has, which it says without
// a touch. None is ErrNoCredential.
func (k *Key) narrowed(ctx context.Context, w Wanted) ([][]byte, error) {
	all := w.Allow
	if len(all) <= 1 || len(k.batch(all)) == len(all) {
		return all, nil
	}
	for len(all) > 0 {
		w.Allow = k.batch(all)
		all = all[len(w.Allow):]
		// What is signed here is of no use: it has no client data, and says
		// that nobody touched the key.
		request := w.request()
		request.Options = map[string]bool{"up": false}
		switch found, err := k.assert(ctx, w, request, nil); {
		case err == nil:
			return [][]byte{found.CredentialID}, nil
		case !errors.Is(err, ErrNoCredential):
			return nil, err
		}
	}
	return nil, ErrNoCredential
}

// batch is the beginning of a list, as much as the key takes at once, and at
// least one.
func (k *Key) batch(ids [][]byte) [][]byte {
	// What else is in a request: strings of the relying party and the user, a
	// hash, a proof, and the names of the fields.
	const others, each = 700, 24
	room := k.info.MaxMessage - others
	for i, id := range ids {
		room -= len(id) + each
		if i > 0 && (room < 0 || i >= k.info.MaxCredentials) {
			return ids[:i]
		}
	}
	return ids
}

func (w Wanted) request() getAssertion {
	r := getAssertion{RPID: w.RPID, ClientDataHash: w.ClientDataHash[:], Allow: publicKeyType(w.Allow)}
	if w.Token != nil {
		r.Proof, r.Protocol = w.Token.prove(w.ClientDataHash[:]), w.Token.protocol
	} else if w.UV {
		r.Options = map[string]bool{"uv": true}
	}
	return r
}

func (k *Key) assert(ctx context.Context, w Wanted, request getAssertion, waiting func(Waiting)) (Assertion, error) {
	raw, err := k.ask(ctx, cmdGetAssertion, request, waiting)
	if err != nil {
		return Assertion{}, err
	}
	a, err := parseAssertion(raw)
	if err != nil {
		return Assertion{}, err
	}
	if a.CredentialID == nil && len(w.Allow) == 1 {
		a.CredentialID = slices.Clone(w.Allow[0]) // it may be left out then (CTAP 2.1 §6.2.2)
	}
	if !slices.ContainsFunc(w.Allow, func(id []byte) bool { return slices.Equal(id, a.CredentialID) }) {
		return Assertion{}, nonsense("an assertion of a credential that was not asked for")
	}
	return a, nil
}

type assertionAnswer struct {
	Credential *descriptor `cbor:"1,keyasint"`
	AuthData   []byte      `cbor:"2,keyasint"`
	Signature  []byte      `cbor:"3,keyasint"`
	User       *user       `cbor:"4,keyasint"`
}

// maxSignature is more than that of RSA with 4096 bits, in bytes.
const maxSignature = 1024

// parseAssertion reads the CBOR of an answer to authenticatorGetAssertion.
func parseAssertion(raw []byte) (Assertion, error) {
	var answer assertionAnswer
	if err := decodeCBOR(raw, &answer); err != nil {
		return Assertion{}, nonsense("an assertion: %w", err)
	}
	a := Assertion{AuthData: answer.AuthData, Signature: answer.Signature}
	if answer.User != nil {
		a.UserHandle = answer.User.ID
	}
	if c := answer.Credential; c != nil {
		if a.CredentialID = c.ID; len(c.ID) == 0 || len(c.ID) > maxCredentialID {
			return Assertion{}, nonsense("an assertion of a credential with an ID of %d bytes", len(c.ID))
		}
	}
	if _, err := parseAuthData(a.AuthData); err != nil {
		return Assertion{}, nonsense("an assertion: %w", err)
	}
	if len(a.Signature) == 0 || len(a.Signature) > maxSignature || len(a.UserHandle) > maxUserID {
		return Assertion{}, nonsense("an assertion with a signature of %d bytes and a user handle of %d", len(a.Signature), len(a.UserHandle))
	}
	return a, nil
}
