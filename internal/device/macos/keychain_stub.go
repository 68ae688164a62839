//go:build !darwin

package macos

import "context"

// Keychain is none: there is no System keychain here. What stands in for it are
// a key file (store.FileKey) and a folder of identities (identity.Folder), which
// whoever starts the daemon has to choose; nothing here falls back on them.
type Keychain struct{}

// OpenKeychain refuses with ErrNoKeychain.
func OpenKeychain(context.Context) (*Keychain, error) { return nil, ErrNoKeychain }

// Read refuses with ErrNoKeychain.
func (*Keychain) Read(context.Context) ([]byte, error) { return nil, ErrNoKeychain }

// Add refuses with ErrNoKeychain.
func (*Keychain) Add(context.Context, []byte) error { return ErrNoKeychain }

// Identities refuses with ErrNoKeychain.
func (*Keychain) Identities(context.Context) ([]Identity, error) { return nil, ErrNoKeychain }

// Certificates refuses with ErrNoKeychain.
func (*Keychain) Certificates(context.Context) ([][]byte, error) { return nil, ErrNoKeychain }
