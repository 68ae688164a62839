package softkey

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// status is one of CTAP 2.1 §8.2.
type status byte

const (
	ok                  status = 0x00
	invalidCommand      status = 0x01
	invalidParameter    status = 0x02
	invalidLength       status = 0x03
	invalidCBOR         status = 0x12
	missingParameter    status = 0x14
	limitExceeded       status = 0x15
	excluded            status = 0x19
	unsupportedAlg      status = 0x26
	invalidOption       status = 0x2C
	keepAliveCancel     status = 0x2D
	noCredentials       status = 0x2E
	userActionTimeout   status = 0x2F
	pinInvalid          status = 0x31
	pinBlocked          status = 0x32
	pinAuthInvalid      status = 0x33
	pinAuthBlocked      status = 0x34
	pinNotSet           status = 0x35
	puatRequired        status = 0x36
	pinPolicy           status = 0x37
	requestTooLarge     status = 0x39
	uvBlocked           status = 0x3C
	invalidSubcommand   status = 0x3E
	uvInvalid           status = 0x3F
	unauthorized        status = 0x40
	other               status = 0x7F
	maxRetries                 = 8
	maxMisses                  = 3
	maxUVRetries               = 3
	maxCredentialLength        = 128
	maxRequest                 = 1200
)

// request is a command that is being done.
type request struct {
	key       *Key
	ctx       context.Context // of the command
	keepAlive func(byte)
}

// command does what a message asks, and gives the answer.
func (k *Key) command(ctx context.Context, message []byte, keepAlive func(byte)) []byte {
	if len(message) == 0 {
		return []byte{byte(invalidLength)}
	}
	if len(message) > maxRequest {
		return []byte{byte(requestTooLarge)}
	}
	r := request{key: k, ctx: ctx, keepAlive: keepAlive}
	do, known := map[byte]func([]byte) (any, status){
		0x01: r.makeCredential, 0x02: r.getAssertion, 0x04: r.getInfo, 0x06: r.clientPIN, 0x0B: r.selection,
	}[message[0]]
	if !known || k.options.NoCBOR {
		return []byte{byte(invalidCommand)}
	}
	answer, s := do(message[1:])
	if s != ok || answer == nil {
		return []byte{byte(s)}
	}
	raw, err := canonical(answer)
	if err != nil {
		return []byte{byte(other)}
	}
	return append([]byte{byte(ok)}, raw...)
}

// canonical is the form that all CBOR of CTAP2 has.
func canonical(value any) ([]byte, error) {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(value)
}

func (k *Key) permissions() bool { return !k.options.NoPermissions }

func (r request) getInfo([]byte) (any, status) {
	k := r.key
	k.mu.Lock()
	defer k.mu.Unlock()
	options := map[string]bool{"rk": false, "up": true, "plat": false, "clientPin": k.memory.pinHash != nil}
	if k.permissions() {
		options["pinUvAuthToken"] = true
	}
	if k.options.Fingerprint {
		options["uv"] = true
	}
	info := map[int]any{
		1: k.options.Versions, 3: aaguid(), 4: options, 5: maxRequest, 6: k.options.Protocols, 8: maxCredentialLength, 9: []string{"usb"},
		10: []map[string]any{{"alg": -7, "type": "public-key"}},
	}
	if k.options.MaxCredentials > 0 {
		info[7] = k.options.MaxCredentials
	}
	if k.options.ForcePINChange {
		info[12] = true
	}
	return info, ok
}

func aaguid() []byte { return []byte("latchkey softkey") }

func (r request) selection([]byte) (any, status) {
	if !slices.Contains(r.key.options.Versions, "FIDO_2_1") {
		return nil, invalidCommand
	}
	return nil, r.waitForTouch()
}

// waitForTouch blinks until the key is touched, or until nobody wants it any more.
func (r request) waitForTouch() status {
	k := r.key
	k.mu.Lock()
	touch := k.touch
	k.blinking++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.blinking--
		k.mu.Unlock()
	}()
	r.keepAlive(upNeeded)
	if touch == AtOnce {
		return ok
	}
	touched := k.touched
	if touch == Never {
		touched = nil
	}
	patience, every := time.NewTimer(k.options.Patience), time.NewTicker(keepAliveEvery)
	defer patience.Stop()
	defer every.Stop()
	for {
		select {
		case <-touched:
			return ok
		case <-patience.C:
			return userActionTimeout
		case <-r.ctx.Done():
			return keepAliveCancel
		case <-every.C:
			r.keepAlive(upNeeded)
		}
	}
}

// read fills a command's parameters.
func read(raw []byte, into any) status {
	mode, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 4}.DecMode()
	if err != nil {
		return other
	}
	var wrongType *cbor.UnmarshalTypeError
	if err := mode.Unmarshal(raw, into); errors.As(err, &wrongType) {
		return invalidParameter
	} else if err != nil {
		return invalidCBOR
	}
	return ok
}
