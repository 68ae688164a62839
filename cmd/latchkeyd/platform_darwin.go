package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	"github.com/latchkey-mfa/latchkey/internal/device/macos"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

func platformFlags(*pflag.FlagSet, *flags) {}

// secrets are in the System keychain: the store's key, and the certificate that
// the MDM brings.
func secrets(ctx context.Context, f *flags) (func(context.Context) ([]byte, error), func(func() time.Time) checkin.Identity, error) {
	keychain, err := macos.OpenKeychain(ctx)
	if err != nil {
		return nil, nil, err
	}
	sealing := func(ctx context.Context) ([]byte, error) { return store.KeychainKey(ctx, f.state, keychain) }
	certificate := func(now func() time.Time) checkin.Identity { return identity.Keychain{Held: held{keychain}, Now: now} }
	return sealing, certificate, nil
}

// held is the keychain as internal/device/identity asks for it.
type held struct{ *macos.Keychain }

func (h held) Identities(ctx context.Context) (out []identity.Found, err error) {
	found, err := h.Keychain.Identities(ctx)
	for _, f := range found {
		out = append(out, identity.Found(f))
	}
	return out, err
}
