package macos

import (
	"errors"
	"fmt"
)

// Errors of the keychain that a caller decides by, each with what to do.
var (
	// ErrNotFound: there is no such item.
	ErrNotFound = errors.New("the System keychain has no such item")
	// ErrDuplicate: there is such an item already.
	ErrDuplicate = errors.New("the System keychain has such an item already")
	// ErrLocked: the keychain is locked, or would have to ask a person, which a
	// daemon cannot wait for.
	ErrLocked = errors.New("the System keychain is locked or wants to ask somebody; restart the Mac, which unlocks it")
	// ErrDenied: the item may not be used by this program.
	ErrDenied = errors.New("the System keychain does not let this program use the item; " +
		"in Keychain Access, under System, let latchkeyd use it, or have the MDM install it with access for all programs")
	// ErrNoKeychain: the keychain itself is missing or damaged.
	ErrNoKeychain = errors.New("the System keychain is missing or damaged; `security list-keychains -d system` must name it")
	// ErrFull: it cannot be written to.
	ErrFull = errors.New("the System keychain cannot be written; look for a full disk")
)

// statusError is what an OSStatus of Security.framework (SecBase.h) means; nil
// for none.
func statusError(what string, status int32) error {
	var known error
	switch status {
	case 0:
		return nil
	case -25300: // errSecItemNotFound
		known = ErrNotFound
	case -25299: // errSecDuplicateItem
		known = ErrDuplicate
	case -25308, -25315: // errSecInteractionNotAllowed, errSecInteractionRequired
		known = ErrLocked
	case -25293, -128, -25243, -25244, -34018: // errSecAuthFailed, UserCanceled, NoAccessForItem, InvalidOwnerEdit, MissingEntitlement
		known = ErrDenied
	case -25294, -25295, -25291, -25307: // errSecNoSuchKeychain, InvalidKeychain, NotAvailable, NoDefaultKeychain
		known = ErrNoKeychain
	case -34, -61, -25292: // errSecDiskFull, WrPerm, ReadOnly
		known = ErrFull
	default:
		return fmt.Errorf("%s: OSStatus %d (`security error %d` explains it)", what, status, status)
	}
	return fmt.Errorf("%s: %w (OSStatus %d)", what, known, status)
}
