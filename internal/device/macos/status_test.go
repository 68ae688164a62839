package macos

import (
	"errors"
	"strings"
	"testing"
)

// TestStatus: an administrator reads what to do, and no number passes for none.
func TestStatus(t *testing.T) {
	if err := statusError("read", 0); err != nil {
		t.Errorf("no error: %v", err)
	}
	for status, want := range map[int32]error{
		-25300: ErrNotFound, -25299: ErrDuplicate, -25308: ErrLocked, -25315: ErrLocked, -25293: ErrDenied, -128: ErrDenied, -34018: ErrDenied,
		-25294: ErrNoKeychain, -25295: ErrNoKeychain, -34: ErrFull, -61: ErrFull,
	} {
		if err := statusError("read", status); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "read: ") {
			t.Errorf("%d: %v, want %v", status, err, want)
		}
	}
	err := statusError("read", -67030)
	if err == nil || !strings.Contains(err.Error(), "security error -67030") {
		t.Errorf("an unknown one: %v", err)
	}
	for _, known := range []error{ErrNotFound, ErrDuplicate, ErrLocked, ErrDenied, ErrNoKeychain, ErrFull} {
		if errors.Is(err, known) {
			t.Errorf("an unknown one passes for %v", known)
		}
	}
}
