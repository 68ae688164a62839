package ctap

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The subcommands of authenticatorClientPIN (CTAP 2.1 §6.5.5).
const (
	subGetPINRetries    = 0x01
	subGetKeyAgreement  = 0x02
	subGetPINToken      = 0x05
	subGetTokenUsingUV  = 0x06
	subGetTokenUsingPIN = 0x09
)

type clientPIN struct {
	Protocol     protocol   `cbor:"1,keyasint,omitempty"`
	Sub          int        `cbor:"2,keyasint"`
	KeyAgreement *coseECDH  `cbor:"3,keyasint,omitempty"`
	PINHash      []byte     `cbor:"6,keyasint,omitempty"`
	Permissions  Permission `cbor:"9,keyasint,omitempty"`
	RPID         string     `cbor:"10,keyasint,omitempty"`
}

// pinAnswer is the answer to any subcommand: each has its own part of it.
type pinAnswer struct {
	KeyAgreement *coseECDH `cbor:"1,keyasint"`
	Token        []byte    `cbor:"2,keyasint"`
	Retries      *uint64   `cbor:"3,keyasint"`
	PowerCycle   bool      `cbor:"4,keyasint"`
}

func parsePINAnswer(raw []byte) (pinAnswer, error) {
	var a pinAnswer
	if err := decodeCBOR(raw, &a); err != nil {
		return pinAnswer{}, nonsense("what it says of its PIN: %w", err)
	}
	if a.Retries != nil && *a.Retries > 255 {
		return pinAnswer{}, nonsense("%d tries of its PIN", *a.Retries)
	}
	return a, nil
}

// Retries are the tries that a key still gives for its PIN.
type Retries struct {
	Left       int  // 0 to 255: at 0 the key must be reset
	PowerCycle bool // the next try is only taken after the key was pulled out and put in again
}

// PINRetries asks how many tries of the PIN the key still gives.
func (k *Key) PINRetries(ctx context.Context) (Retries, error) {
	p, err := k.protocol()
	if err != nil {
		return Retries{}, err
	}
	a, err := k.askPIN(ctx, clientPIN{Protocol: p, Sub: subGetPINRetries}, nil)
	if err != nil {
		return Retries{}, fmt.Errorf("ask the key for the tries of its PIN: %w", err)
	}
	if a.Retries == nil {
		return Retries{}, nonsense("it does not say how many tries its PIN has")
	}
	return Retries{Left: int(*a.Retries), PowerCycle: a.PowerCycle}, nil
}

// UnlockPIN gives the key its PIN, and gets a token for the permissions at the
// relying party. A key of CTAP 2.0 gives a token for everything. A PIN that no
// key can have is ErrPINLength, without a try being spent; a wrong one is
// ErrPINInvalid, and the third in a row ErrPINAuthBlocked.
func (k *Key) UnlockPIN(ctx context.Context, pin string, p Permission, rpID string) (Token, error) {
	normal, err := k.checkPIN(pin)
	if err != nil {
		return Token{}, err
	}
	defer clear(normal)
	if !k.info.PINSet {
		return Token{}, ErrPINNotSet
	}
	if k.info.ForcePINChange {
		return Token{}, ErrPINMustChange
	}
	// Each try has an agreement of its own: the key makes a new one after a
	// wrong PIN (CTAP 2.1 §6.5.5.7.2).
	ours, secret, err := k.agree(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("agree on a secret with the key: %w", err)
	}
	defer secret.wipe()
	hash := sha256.Sum256(normal)
	defer clear(hash[:])
	sealed, err := secret.encrypt(hash[:16])
	if err != nil {
		return Token{}, fmt.Errorf("seal the PIN for the key: %w", err)
	}
	request := clientPIN{Protocol: secret.protocol, Sub: subGetPINToken, KeyAgreement: &ours, PINHash: sealed}
	if k.info.PINUVAuthToken {
		request.Sub, request.Permissions, request.RPID = subGetTokenUsingPIN, p, rpID
	}
	token, err := k.token(ctx, request, secret, nil)
	if err != nil {
		return Token{}, fmt.Errorf("unlock the key with its PIN: %w", err)
	}
	return token, nil
}

// UnlockBuiltIn has the key verify its user by itself, such as by a
// fingerprint, and gets a token for the permissions at the relying party. A
// finger that is not known is ErrUVInvalid, too many of them ErrUVBlocked.
func (k *Key) UnlockBuiltIn(ctx context.Context, p Permission, rpID string, waiting func(Waiting)) (Token, error) {
	if !k.info.UVConfigured || !k.info.PINUVAuthToken {
		return Token{}, fmt.Errorf("%w: it has no fingerprint set up that gives a token: use its PIN", ErrUnable)
	}
	ours, secret, err := k.agree(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("agree on a secret with the key: %w", err)
	}
	defer secret.wipe()
	request := clientPIN{Protocol: secret.protocol, Sub: subGetTokenUsingUV, KeyAgreement: &ours, Permissions: p, RPID: rpID}
	token, err := k.token(ctx, request, secret, waiting)
	if err != nil {
		return Token{}, fmt.Errorf("unlock the key by itself: %w", err)
	}
	return token, nil
}

// checkPIN gives the PIN in the form that keys compare: UTF-8 in normal form
// C, at least four code points, at most 63 bytes (CTAP 2.1 §6.5.1).
func (k *Key) checkPIN(pin string) ([]byte, error) {
	if !utf8.ValidString(pin) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrPINLength)
	}
	normal := norm.NFC.Bytes([]byte(pin))
	if points := utf8.RuneCount(normal); points < minPIN || len(normal) > maxPIN {
		clear(normal)
		return nil, fmt.Errorf("%w: it must have at least %d characters and at most %d bytes", ErrPINLength, minPIN, maxPIN)
	}
	return normal, nil
}

// protocol is the best that both sides speak: 2, then 1.
func (k *Key) protocol() (protocol, error) {
	for _, p := range []int{2, 1} {
		if slices.Contains(k.info.PINProtocols, p) {
			return protocol(p), nil
		}
	}
	return 0, fmt.Errorf("%w: it has no PIN protocol that is known here", ErrUnable)
}

func (k *Key) agree(ctx context.Context) (coseECDH, shared, error) {
	p, err := k.protocol()
	if err != nil {
		return coseECDH{}, shared{}, err
	}
	a, err := k.askPIN(ctx, clientPIN{Protocol: p, Sub: subGetKeyAgreement}, nil)
	if err != nil {
		return coseECDH{}, shared{}, err
	}
	if a.KeyAgreement == nil {
		return coseECDH{}, shared{}, nonsense("it gives no key agreement key")
	}
	return p.agree(*a.KeyAgreement)
}

// token sends a request for one, and opens what comes back.
func (k *Key) token(ctx context.Context, request clientPIN, secret shared, waiting func(Waiting)) (Token, error) {
	a, err := k.askPIN(ctx, request, waiting)
	if err != nil {
		return Token{}, err
	}
	plain, err := secret.decryptToken(a.Token)
	return Token{protocol: secret.protocol, secret: plain}, err
}

func (k *Key) askPIN(ctx context.Context, request clientPIN, waiting func(Waiting)) (pinAnswer, error) {
	raw, err := k.ask(ctx, cmdClientPIN, request, waiting)
	if err != nil {
		return pinAnswer{}, err
	}
	return parsePINAnswer(raw)
}
