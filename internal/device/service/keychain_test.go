package service_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/identity"
	"github.com/latchkey-mfa/latchkey/internal/device/macos"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// ring plays the System keychain for a daemon.
type ring struct {
	key   []byte
	fails error
}

func (r *ring) Read(context.Context) ([]byte, error)           { return r.key, r.fails }
func (r *ring) Add(_ context.Context, key []byte) error        { r.key = key; return r.fails }
func (r *ring) Certificates(context.Context) ([][]byte, error) { return nil, r.fails }
func (r *ring) Identities(context.Context) ([]identity.Found, error) {
	return nil, r.fails
}

func (m *mac) with(r *ring) *mac {
	m.options.SealingKey = func(ctx context.Context) ([]byte, error) { return store.KeychainKey(ctx, m.options.State, r) }
	m.options.Identity = func(now func() time.Time) checkin.Identity { return identity.Keychain{Held: r, Now: now} }
	return m
}

// TestTheStoreMovesIntoTheKeychain: a Mac that had its key in a file goes on
// with what it knew, and the file is gone.
func TestTheStoreMovesIntoTheKeychain(t *testing.T) {
	m := newMac(t).start()
	m.enrols(ada)
	m.stop()
	r := &ring{}
	m.with(r).start()
	if s := m.status(); s.Store != "good" || len(s.Accounts) != 1 || len(s.Accounts[0].Factors) != 1 {
		t.Errorf("after the move: store %s, %+v", s.Store, s.Accounts)
	}
	if _, err := os.Lstat(filepath.Join(m.options.State, "store.key")); !errors.Is(err, os.ErrNotExist) || len(r.key) != store.KeySize {
		t.Errorf("the file is there: %v; %d bytes in the keychain", err, len(r.key))
	}
	// A keychain that says no costs nothing of what the Mac knows: no new store
	// stands in the place of the old one.
	m.stop()
	r.fails = macos.ErrDenied
	if d, err := service.Open(t.Context(), m.options); d != nil || !errors.Is(err, macos.ErrDenied) || !strings.Contains(err.Error(), "let latchkeyd use it") {
		t.Errorf("with a keychain that says no: %v", err)
	}
	r.fails = nil
	m.start()
	if s := m.status(); s.Store != "good" || len(s.Accounts) != 1 {
		t.Errorf("when it says yes again: %s, %+v", s.Store, s.Accounts)
	}
	// A key that was taken out of the keychain is a store that is lost: set aside,
	// and nobody gets in by it.
	m.stop()
	r.key = nil
	m.start()
	m.gateSays(ada, nil, false, "unavailable")
	if aside, err := filepath.Glob(filepath.Join(m.options.State, "store.db.unreadable-*")); err != nil || len(aside) != 1 || m.status().Store != "awaiting_check_in" {
		t.Errorf("without its key: set aside %q, %v, store %s", aside, err, m.status().Store)
	}
}

// TestAKeychainWithoutACertificateStopsNoLogin: check-in says why it does not
// come about, and people log in with what this Mac has.
func TestAKeychainWithoutACertificateStopsNoLogin(t *testing.T) {
	m, r := newMac(t), &ring{}
	m.with(r)
	sealed := some32()
	m.options.SealingKey = func(context.Context) ([]byte, error) { return sealed, nil }
	r.fails = macos.ErrLocked
	m.start()
	m.enrols(ada)
	s := m.until("check-in names the keychain", func(s wire.Status) bool { return strings.Contains(s.CheckIn.Problem, "the System keychain is locked") })
	if s.CheckIn.Last != nil || len(s.Accounts) != 1 || len(s.Accounts[0].Factors) != 1 {
		t.Errorf("%+v", s)
	}
}

func some32() []byte { return []byte(strings.Repeat("k", store.KeySize)) }

// tokened is a directory that knows secure tokens, but for one account's.
type tokened struct{ service.Directory }

func (tokened) SecureToken(_ context.Context, uid uint32) (bool, error) {
	if uid == ada {
		return true, nil
	}
	return false, macos.ErrHung
}

// TestStatusSaysWhoMayUnlockTheDisk: and leaves it open where the directory does
// not answer.
func TestStatusSaysWhoMayUnlockTheDisk(t *testing.T) {
	m := newMac(t)
	m.options.Directory = tokened{m.options.Directory}
	m.start()
	m.enrols(ada)
	m.login(me())
	s := m.until("both are known", func(s wire.Status) bool { return len(s.Accounts) == 2 })
	for _, a := range s.Accounts {
		if known := a.SecureToken != nil && *a.SecureToken; known != (a.Name == "ada") || a.Name != "ada" && a.SecureToken != nil {
			t.Errorf("%s: %v", a.Name, a.SecureToken)
		}
	}
}
