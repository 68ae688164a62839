//go:build cgo

package macos

import (
	"errors"
	"fmt"

	keychain "github.com/keybase/go-keychain"
)

// The item that holds the key of the device store.
const (
	sealingService = "dev.latchkey.servicedaemon"
	sealingAccount = "store"
	sealingLabel   = "Latchkey device store"
)

// sealingItem is the item, without its value.
func sealingItem() keychain.Item {
	item := keychain.NewItem()
	item.SetSecClass(keychain.SecClassGenericPassword)
	item.SetService(sealingService)
	item.SetAccount(sealingAccount)
	return item
}

// usable: go-keychain goes to the default keychain of the domain that prepare has
// set, and can see neither which one that is nor whether it is locked.
func (k *Keychain) usable() error {
	o := k.security.owned()
	defer o.end()
	if _, err := k.security.system(o); err != nil {
		return err
	}
	return k.security.checkDefault()
}

func (k *Keychain) readSealing() ([]byte, error) {
	if err := k.usable(); err != nil {
		return nil, err
	}
	query := sealingItem()
	query.SetMatchLimit(keychain.MatchLimitOne)
	query.SetReturnData(true)
	found, err := keychain.QueryItem(query)
	if err != nil {
		return nil, keychainError("SecItemCopyMatching", err)
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	return found[0].Data, nil
}

// addSealing asks for an item of this device that is never synchronised.
func (k *Keychain) addSealing(key []byte) error {
	if err := k.usable(); err != nil {
		return err
	}
	item := sealingItem()
	item.SetLabel(sealingLabel)
	item.SetData(key)
	item.SetSynchronizable(keychain.SynchronizableNo)
	item.SetAccessible(keychain.AccessibleAfterFirstUnlockThisDeviceOnly)
	return keychainError("SecItemAdd", keychain.AddItem(item))
}

// keychainError is the library's number as one of our errors.
func keychainError(what string, err error) error {
	var status keychain.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return statusError(what, int32(status))
	}
	return fmt.Errorf("%s: %w", what, err)
}
