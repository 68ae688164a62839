package ctap

import (
	"errors"
	"fmt"
)

// What a key refuses, or what became of it. Those that are a status of the
// key's are reached through a *StatusError.
var (
	ErrPINInvalid     = errors.New("the PIN is wrong")
	ErrPINBlocked     = errors.New("the PIN was wrong too often: the key must be reset before it takes a PIN again")
	ErrPINAuthBlocked = errors.New("the PIN was wrong three times in a row: pull the key out and put it in again")
	ErrPINRequired    = errors.New("the key asks for its PIN or fingerprint")
	ErrPINNotSet      = errors.New("the key has no PIN")
	ErrPINMustChange  = errors.New("the key wants its PIN changed before it is used")
	ErrPINLength      = errors.New("the PIN has a length that no key takes")
	ErrTokenRefused   = errors.New("the key does not take the token any more: unlock it again")
	ErrNoCredential   = errors.New("the key has none of the credentials")
	ErrExcluded       = errors.New("the key has one of the credentials already")
	ErrDenied         = errors.New("the key refused")
	ErrTimeout        = errors.New("nobody touched the key in time")
	ErrCancelled      = errors.New("the request to the key was cancelled")
	ErrUVBlocked      = errors.New("the fingerprint was not recognised too often: the key's PIN is needed")
	ErrUVInvalid      = errors.New("the fingerprint was not recognised")
	ErrKeyGone        = errors.New("the key was pulled out")
	ErrSilent         = errors.New("the key stopped answering")
	ErrBusy           = errors.New("the key is busy with another program")
	ErrNonsense       = errors.New("the key broke the protocol")
	ErrNotFIDO2       = errors.New("the key does not speak FIDO2")
	ErrUnable         = errors.New("the key cannot do this")
)

// StatusError is a status other than success in an answer of the key's.
type StatusError struct {
	Code byte // CTAP 2.1 §8.2
}

func (e *StatusError) Error() string {
	if name := statusNames()[e.Code]; name != "" {
		return fmt.Sprintf("the key answered %s (0x%02x)", name, e.Code)
	}
	return fmt.Sprintf("the key answered with the status 0x%02x", e.Code)
}

// Is reports whether the status is one of the sentinels of this package.
func (e *StatusError) Is(target error) bool {
	meaning := meanings()[e.Code]
	return meaning != nil && meaning == target
}

// The statuses that this package decides by.
const (
	statusOK             = 0x00
	statusPINInvalid     = 0x31
	statusPINAuthInvalid = 0x33
	statusPINNotSet      = 0x35
)

func meanings() map[byte]error {
	return map[byte]error{
		0x05:                 ErrTimeout,
		0x06:                 ErrBusy,
		0x19:                 ErrExcluded,
		0x26:                 ErrUnable,
		0x27:                 ErrDenied,
		0x2D:                 ErrCancelled,
		0x2E:                 ErrNoCredential,
		0x2F:                 ErrTimeout,
		statusPINInvalid:     ErrPINInvalid,
		0x32:                 ErrPINBlocked,
		statusPINAuthInvalid: ErrTokenRefused,
		0x34:                 ErrPINAuthBlocked,
		statusPINNotSet:      ErrPINNotSet,
		0x36:                 ErrPINRequired,
		0x37:                 ErrPINMustChange,
		0x3A:                 ErrTimeout,
		0x3C:                 ErrUVBlocked,
		0x3F:                 ErrUVInvalid,
	}
}

// statusNames are those of CTAP 2.1 §8.2, without their prefix.
func statusNames() map[byte]string {
	return map[byte]string{
		0x01: "INVALID_COMMAND", 0x02: "INVALID_PARAMETER", 0x03: "INVALID_LENGTH", 0x04: "INVALID_SEQ", 0x05: "TIMEOUT", 0x06: "CHANNEL_BUSY",
		0x0A: "LOCK_REQUIRED", 0x0B: "INVALID_CHANNEL", 0x11: "CBOR_UNEXPECTED_TYPE", 0x12: "INVALID_CBOR", 0x14: "MISSING_PARAMETER",
		0x15: "LIMIT_EXCEEDED", 0x17: "FP_DATABASE_FULL", 0x18: "LARGE_BLOB_STORAGE_FULL", 0x19: "CREDENTIAL_EXCLUDED", 0x21: "PROCESSING",
		0x22: "INVALID_CREDENTIAL", 0x23: "USER_ACTION_PENDING", 0x24: "OPERATION_PENDING", 0x25: "NO_OPERATIONS", 0x26: "UNSUPPORTED_ALGORITHM",
		0x27: "OPERATION_DENIED", 0x28: "KEY_STORE_FULL", 0x2B: "UNSUPPORTED_OPTION", 0x2C: "INVALID_OPTION", 0x2D: "KEEPALIVE_CANCEL",
		0x2E: "NO_CREDENTIALS", 0x2F: "USER_ACTION_TIMEOUT", 0x30: "NOT_ALLOWED", 0x31: "PIN_INVALID", 0x32: "PIN_BLOCKED",
		0x33: "PIN_AUTH_INVALID", 0x34: "PIN_AUTH_BLOCKED", 0x35: "PIN_NOT_SET", 0x36: "PUAT_REQUIRED", 0x37: "PIN_POLICY_VIOLATION",
		0x39: "REQUEST_TOO_LARGE", 0x3A: "ACTION_TIMEOUT", 0x3B: "UP_REQUIRED", 0x3C: "UV_BLOCKED", 0x3D: "INTEGRITY_FAILURE",
		0x3E: "INVALID_SUBCOMMAND", 0x3F: "UV_INVALID", 0x40: "UNAUTHORIZED_PERMISSION", 0x7F: "OTHER",
	}
}

// nonsense is an answer that breaks the protocol.
func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrNonsense, fmt.Errorf(format, args...))
}
