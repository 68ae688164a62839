package ctap

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Select waits until this key of several is touched. A key of CTAP 2.0, which
// has no command for it, is asked for a credential with an empty proof: it
// waits for the touch, and then refuses (CTAP 2.1 §6.1.2).
func (k *Key) Select(ctx context.Context, waiting func(Waiting)) error {
	if k.info.hasSelection() {
		if _, err := k.ask(ctx, cmdSelection, nil, waiting); err != nil {
			return fmt.Errorf("wait for the key to be chosen: %w", err)
		}
		return nil
	}
	_, err := k.ask(ctx, cmdMakeCredential, blink(), waiting)
	var status *StatusError
	if errors.As(err, &status) && slices.Contains([]byte{statusPINInvalid, statusPINAuthInvalid, statusPINNotSet}, status.Code) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for the key to be chosen: %w", err)
	}
	return nil // a key without a PIN made a credential, which it does not keep
}

// blink asks for a credential that nobody will use.
func blink() makeCredential {
	n := NewCredential{RPID: ".dummy", UserID: []byte{1}, UserName: "dummy", Algorithms: []int{ES256, EdDSA, RS256}}
	r := n.request(nil)
	r.Proof, r.Protocol = &[]byte{}, 1
	return r
}
