package recovery_test

import "testing"

// TestWhenASecretWasConfirmed: PINs can be made from the server's answer on, and
// not from the making of the secret.
func TestWhenASecretWasConfirmed(t *testing.T) {
	m, cyd := newMac(t), "33333333-3333-3333-3333-333333333333"
	if at, err := m.ConfirmedAt(cyd); err != nil || !at.IsZero() {
		t.Errorf("without a secret: %s, %v", at, err)
	}
	m.ok(m.Register(cyd))
	if at, err := m.ConfirmedAt(cyd); err != nil || !at.IsZero() {
		t.Errorf("with one that nobody has confirmed: %s, %v", at, err)
	}
	m.checkIn()
	if at, err := m.ConfirmedAt(cyd); err != nil || !at.Equal(m.clock.Wall()) {
		t.Errorf("confirmed at %s, want %s; %v", at, m.clock.Wall(), err)
	}
}
