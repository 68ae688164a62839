package recovery_test

import (
	"context"
	"database/sql"
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
				lost := rapid.Bool().Draw(rt, "answer lost")
				var out wire.SecretResult
				d.Update(func(tx *sql.Tx) (err error) {
					out, err = d.Book.Register(context.Background(), tx, dev, acc, m.upload(acc.GUID))
					return err
				})
				if out.Result == wire.SecretUnproven && m.current != nil && proven {
					rt.Fatal("a Mac that kept its secret was taken as unproven")
				}
				if out.Result != wire.SecretStale {
					proven = true
				}
				if !lost {
					m.hear(out)
				}
			},
			"lose the store": func(rt *rapid.T) { *m, proven = model{}, false },
			"": func(rt *rapid.T) {
				r := recovery.Request{DeviceID: dev.ID, AccountID: acc.ID, Reason: "check"}
				d.Pass(time.Second)
				d.Book.AccountsPerHour = 1 << 30
				out, err := d.Book.Issue(d.As(access.HelpDeskAdmin, "sam@example.com"), r)
				if m.current == nil {
					return // nothing was confirmed to this store
				}
				if err != nil {
					rt.Fatalf("a confirmed secret brings no PIN: %v", err)
				}
				pin, _ := recoverypin.ParsePIN(out.PIN)
				secrets := []recoverypin.Secret{*m.current}
				if m.pending != nil {
					secrets = append(secrets, *m.pending)
				}
				if _, ok := recoverypin.Verify(pin, recoverypin.Check{Secrets: secrets, Now: d.Now()}); !ok {
					rt.Fatal("the server's PIN is not good on the Mac")
				}
			},
		})
	})
}
