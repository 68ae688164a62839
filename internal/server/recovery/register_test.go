package recovery_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

func TestUnprovenSecretIsSaid(t *testing.T) {
	d := newDesk(t)
	d.register(d.account, 2) // without a proof
	out, err := d.issue()
	if err != nil || len(out.Warnings) != 1 {
		t.Fatalf("%v %v", out.Warnings, err)
	}
	if e := d.Events(systemlog.PINRotateSecret); len(e) != 2 || e[1].Severity != systemlog.Warn {
		t.Fatalf("events %+v", e)
	}
}

func TestSealedSecretDoesNotMove(t *testing.T) {
	d := newDesk(t)
	m, other := d.mac("C02B", "bob")
	d.register(other, 1)
	d.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE recovery_secrets SET sealed = (SELECT sealed FROM recovery_secrets WHERE account_id = $1) WHERE account_id = $2`, d.account.ID, other.ID)
		return err
	})
	if _, err := d.issue(func(r *recovery.Request) { r.DeviceID, r.AccountID = m.ID, other.ID }); err == nil {
		t.Fatal("a secret copied to another account's row was used")
	}
}

// model is a Mac that follows "Life of a secret".
type model struct {
	current, pending *recoverypin.Secret
	generation       uint64 // of current
	pendingGen       uint64
}

func (m *model) upload(guid string) wire.SecretUpload {
	u := wire.SecretUpload{GUID: guid, Generation: m.pendingGen, Key: m.pending[:]}
	if m.current != nil {
		u.Proof = m.current.RotationProof(*m.pending)
	}
	return u
}

func (m *model) hear(r wire.SecretResult) {
	if r.Result == wire.SecretStale {
		m.pendingGen = r.Generation + 1
		return
	}
	m.current, m.generation, m.pending = m.pending, r.Generation, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Whatever is lost between a Mac and the server, as soon as the server has
// confirmed a secret its PINs are good on that Mac.
func TestDeviceAndServerNeverDisagree(t *testing.T) {
	d := newDesk(t)
	accounts := 0
	rapid.Check(t, func(rt *rapid.T) {
		accounts++
		dev, acc := d.mac(fmt.Sprintf("R%d", accounts), fmt.Sprintf("r%d", accounts))
		m := &model{}
		proven := true // what the server was shown since the Mac last lost its store
		d.Book.AccountsPerHour = 1 << 30
		var read recoverypin.PIN // the PIN that was read out last
		var until, out time.Time // until when it has to be good, and any PIN is out, also of a secret whose confirmation was lost
		issue := func() (recovery.Issued, error) {
			d.Pass(time.Second)
			return d.Book.Issue(d.As(access.HelpDeskAdmin, "sam@example.com"), recovery.Request{DeviceID: dev.ID, AccountID: acc.ID, Reason: "check"})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"rotate": func(rt *rapid.T) {
				if m.pending == nil {
					k := newSecret(t)
					m.pending, m.pendingGen = &k, m.generation+1
				}
			},
			"send": func(rt *rapid.T) {
				if m.pending == nil {
					rt.Skip("nothing is pending")
				}
				var result wire.SecretResult
				held := false
				d.Update(func(tx *sql.Tx) (err error) {
					result, err = d.Book.Register(context.Background(), tx, dev, acc, m.upload(acc.GUID))
					if held = errors.Is(err, recovery.ErrPINOut); held {
						return nil
					}
					return err
				})
				if held {
					if d.Now().After(out.Add(2 * recoverypin.Skew)) {
						rt.Fatal("a rotation waits for a PIN that nobody can use any more")
					}
					return
				}
				if result.Result == wire.SecretUnproven && m.current != nil && proven {
					rt.Fatal("a Mac that kept its secret was taken as unproven")
				}
				if result.Result != wire.SecretStale {
					proven = true
				}
				if !rapid.Bool().Draw(rt, "answer lost") {
					m.hear(result)
				}
			},
			"lose the store": func(rt *rapid.T) { *m, proven, until = model{}, false, time.Time{} },
			"wait":           func(rt *rapid.T) { d.Pass(4 * time.Minute) },
			"issue": func(rt *rapid.T) {
				issued, err := issue()
				out = later(out, issued.ShownUntil)
				if m.current == nil {
					return // nothing was confirmed to this store
				}
				if err != nil {
					rt.Fatalf("a confirmed secret brings no PIN: %v", err)
				}
				read, _ = recoverypin.ParsePIN(issued.PIN)
				until = issued.ShownUntil
			},
			"": func(rt *rapid.T) {
				if m.current == nil || d.Now().After(until) {
					return
				}
				secrets := []recoverypin.Secret{*m.current}
				if m.pending != nil {
					secrets = append(secrets, *m.pending)
				}
				if _, ok := recoverypin.Verify(read, recoverypin.Check{Secrets: secrets, Now: d.Now()}); !ok {
					rt.Fatal("the PIN that was read out is not good on the Mac")
				}
			},
		})
	})
}

// TestARotationWaitsForAPINThatIsOut: the Mac keeps the secret of a PIN that
// somebody may be typing, and not for longer than that.
func TestARotationWaitsForAPINThatIsOut(t *testing.T) {
	tests := map[string]struct {
		code string
		life time.Duration
		then func(d *desk, out recovery.Issued)
		held bool
	}{
		"a timed PIN":                 {life: 3 * time.Minute, held: true},
		"one for a device code":       {code: "63934920", life: 15 * time.Minute, held: true},
		"one that was used":           {then: (*desk).used},
		"one that was voided":         {then: (*desk).voided},
		"one that nobody can use now": {then: func(d *desk, _ recovery.Issued) { d.Pass(3*time.Minute + time.Second) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			out, err := d.issue(func(r *recovery.Request) { r.DeviceCode = tt.code })
			if err != nil {
				t.Fatal(err)
			}
			if tt.then != nil {
				tt.then(d, out)
			}
			next := newSecret(t)
			if err := d.rotate(next); errors.Is(err, recovery.ErrPINOut) != tt.held {
				t.Fatalf("rotation: %v, want it held %v", err, tt.held)
			}
			d.Pass(tt.life + time.Second)
			if err := d.rotate(next); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}

func (d *desk) rotate(next recoverypin.Secret) (err error) {
	d.T.Helper()
	d.Update(func(tx *sql.Tx) error {
		_, err = d.Book.Register(context.Background(), tx, d.device, d.account,
			wire.SecretUpload{GUID: d.account.GUID, Generation: 2, Key: next[:], Proof: d.secret.RotationProof(next)})
		return nil
	})
	return err
}

func (d *desk) used(out recovery.Issued) {
	d.Update(func(tx *sql.Tx) error {
		return d.Book.Activated(context.Background(), tx, d.device, d.account, recovery.Activation{Method: out.Method, IssuedAt: out.IssuedAt, At: d.Now()})
	})
}

func (d *desk) voided(out recovery.Issued) {
	d.Update(func(tx *sql.Tx) error {
		return d.Book.Void(d.As(access.HelpDeskAdmin, "sam@example.com"), tx, d.device, d.account, out.ID, systemlog.Client{})
	})
}

// Of many accounts those are told apart that have a secret, however many are
// asked for at once.
func TestStatesOfManyAccounts(t *testing.T) {
	d := newDesk(t)
	_, other := d.mac("C02B", "bob")
	d.register(other, 3)
	ids := []string{d.account.ID}
	for i := range 600 {
		ids = append(ids, fmt.Sprint("nobody ", i))
	}
	d.Update(func(tx *sql.Tx) error {
		states, err := d.Book.States(t.Context(), tx, append(ids, other.ID))
		if len(states) != 2 || states[d.account.ID].Generation != 1 || states[other.ID].Generation != 3 || !states[other.ID].Registered {
			t.Errorf("%+v", states)
		}
		return err
	})
}
