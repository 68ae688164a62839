//go:build !darwin

package macos

import (
	"errors"
	"testing"
)

// TestNoKeychainHere: nothing stands in for the keychain by itself.
func TestNoKeychainHere(t *testing.T) {
	if k, err := OpenKeychain(t.Context()); k != nil || !errors.Is(err, ErrNoKeychain) {
		t.Errorf("%v, %v", k, err)
	}
}
