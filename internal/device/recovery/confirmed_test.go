package recovery_test

import "testing"

// TestWhenASecretWasConfirmed: PINs can be made from the server's answer on, and
// not from the making of the secret.
func TestWhenASecretWasConfirmed(t *testing.T) {
	m, bob := newMac(t), "22222222-2222-2222-2222-222222222222"
	if at, err := m.ConfirmedAt(bob); err != nil || !at.IsZero() {
		t.Errorf("without a secret: %s, %v", at, err)
	}
	m.ok(m.Register(bob))
	if at, err := m.ConfirmedAt(bob); err != nil || !at.IsZero() {
		t.Errorf("with one that nobody has confirmed: %s, %v", at, err)
	}
	m.checkIn()
	if at, err := m.ConfirmedAt(bob); err != nil || !at.Equal(m.clock.Wall()) {
		t.Errorf("confirmed at %s, want %s; %v", at, m.clock.Wall(), err)
	}
}
