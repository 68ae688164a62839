//go:build !cgo

package macos

import "errors"

// errWithoutCgo: go-keychain needs cgo. A build without it keeps no key at all,
// rather than one in a weaker place.
var errWithoutCgo = errors.New("this latchkeyd was built without cgo and cannot use the keychain: install one that was built with CGO_ENABLED=1")

func (k *Keychain) readSealing() ([]byte, error) { return nil, errWithoutCgo }

func (k *Keychain) addSealing([]byte) error { return errWithoutCgo }
