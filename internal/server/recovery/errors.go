package recovery

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// Code is the reason of a refusal, for programs and the system log.
type Code string

// The reasons.
const (
	NotPermitted      Code = "not_permitted"
	OutOfScope        Code = "out_of_scope"
	OwnAccount        Code = "own_account"
	RecoveryOff       Code = "recovery_off"
	DeviceInactive    Code = "device_inactive"
	DeviceUnconfirmed Code = "device_unconfirmed"
	UserInactive      Code = "user_inactive"
	NoSecret          Code = "no_secret"
	SecretTooOld      Code = "secret_too_old"
	TooManyAccounts   Code = "too_many_accounts"
	TooManyPINs       Code = "too_many_pins"
	BadDeviceCode     Code = "bad_device_code"
	NoReason          Code = "no_reason"
)

// Refusal is a PIN that was not issued. Message is for the person who asked
// and says what to do next.
type Refusal struct {
	Code    Code
	Message string
}

// Error is the message.
func (r *Refusal) Error() string { return r.Message }

func refuse(c Code, format string, args ...any) *Refusal {
	return &Refusal{Code: c, Message: fmt.Sprintf(format, args...)}
}

func noRow(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func errRead(a directory.Account, err error) error {
	return fmt.Errorf("read the recovery secret of account %s: %w", a.ID, err)
}

func errSealed(a directory.Account, err error) error {
	return fmt.Errorf("open the recovery secret of account %s: %w", a.ID, err)
}
