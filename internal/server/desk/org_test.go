package desk_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// org is a desk with its database and Macs that never were on a network.
type org struct {
	*testing.T
	*desk.Desk
	db   *store.DB
	now  time.Time
	macs int
}

func newOrg(t *testing.T) *org {
	t.Helper()
	o := &org{T: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	v, err := vault.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	o.db = storetest.Open(t)
	log := systemlog.New(v.Key(vault.ForLog), clock)
	party, err := credential.NewParty("https://mfa.example.com")
	if err != nil {
		t.Fatal(err)
	}
	book := &recovery.Book{DB: o.db, Vault: v, Log: log, Now: clock}
	hasher := password.NewHasher()
	hasher.Cost = password.Cost{Time: 1, Memory: 8, Lanes: 1}
	accounts, err := signin.New(signin.Config{DB: o.db, Vault: v, Log: log, Now: clock, PublicURL: "https://mfa.example.com", Hasher: hasher})
	if err != nil {
		t.Fatal(err)
	}
	o.Desk = &desk.Desk{DB: o.db, Log: log, Book: book, Challenges: pki.NewChallenges(v), Accounts: accounts, Now: clock,
		Factors: &factor.Book{DB: o.db, Vault: v, Log: log, Hasher: hasher, Now: clock, Party: party}}
	return o
}

// as is a request of that role; "" is one that nobody made.
func as(role access.Role) context.Context {
	ctx := context.Background()
	if role != "" {
		ctx, _ = access.With(ctx, access.Caller{TokenID: "tok1", Name: "test", Login: string(role) + "@example.com", Role: role})
	}
	return desk.From(ctx, desk.Origin{Client: systemlog.Client{IPAddress: "192.0.2.7", UserAgent: "test"}, RequestID: "req1"})
}

func (o *org) update(do func(tx *sql.Tx) error) {
	o.Helper()
	if err := o.db.Update(context.Background(), do); err != nil {
		o.Fatal(err)
	}
}

// mac is a Mac where all is well, but for what change does, with one account.
type mac struct {
	device, account, serial, login, pin, challenge, certificate, chain string
	retired                                                            string // another Mac of the same user, which is deactivated
	open                                                               string // another one, with a disarm that waits
	invitation                                                         string
	app                                                                string // that waits for its first code
	key                                                                totp.Key
}

func (o *org) mac(change func(d *directory.Device, a *wire.Account)) (m mac) {
	o.Helper()
	ctx := context.Background()
	o.macs++
	m.serial, m.login = fmt.Sprintf("C02%04d", o.macs), fmt.Sprintf("amy%04d@example.com", o.macs)
	a := wire.Account{GUID: fmt.Sprintf("4AC29C85-D847-4492-96CB-46E33717%04d", o.macs), UID: 501, Name: fmt.Sprintf("amy%04d", o.macs), Governed: true}
	o.update(func(tx *sql.Tx) error {
		u, err := directory.CreateUser(ctx, tx, directory.User{Login: m.login, Email: "mail." + m.login}, o.now)
		if err != nil {
			return err
		}
		d, err := directory.CreateDevice(ctx, tx, directory.Device{UDID: "U" + m.serial, Serial: m.serial, Trust: directory.Bound}, o.now)
		if err != nil {
			return err
		}
		d.Name, d.Certificate, d.Claim, d.Agent, d.ArmedState, d.SeenAt = "Mac of "+u.Login, "aa", fmt.Sprintf("bb%04d", o.macs), "1.2.0", "armed", o.now
		d.Effective = []byte(`{"DeviceRecoveryValidityInDays":{"value":7,"origin":"forced"}}`)
		if change != nil {
			change(&d, &a)
		}
		if err := directory.SaveDevice(ctx, tx, &d, o.now); err != nil {
			return err
		}
		saved, err := directory.SaveReported(ctx, tx, directory.Report{DeviceID: d.ID, Accounts: []wire.Account{a}, Now: o.now})
		if err != nil {
			return err
		}
		account := saved.Changed[0]
		m.device, m.account = d.ID, account.ID
		_, err = o.Book.Register(ctx, tx, d, account, wire.SecretUpload{GUID: a.GUID, Generation: 1, Key: make([]byte, recoverypin.SecretSize)})
		return err
	})
	return m
}

// filled is a Mac with a PIN that was issued, a challenge, a certificate,
// and an authority of the org's own.
func (o *org) filled() mac {
	o.Helper()
	m := o.mac(nil)
	o.now = o.now.Add(time.Minute) // no two PINs of one second
	issued, err := o.Issue(as(access.SuperAdmin), recovery.Request{DeviceID: m.device, AccountID: m.account, Reason: "set up"})
	if err != nil {
		o.Fatal(err)
	}
	o.update(func(tx *sql.Tx) error {
		u, err := directory.UserByLogin(context.Background(), tx, m.login)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO push_stops (user_id, blocked_at) VALUES ($1, 1)`, u.ID); err != nil {
			return err
		}
		f, k, err := o.Factors.EnrolTOTP(context.Background(), tx, u, "app")
		m.app, m.key = f.ID, k
		if err != nil {
			return err
		}
		i, _, err := o.Factors.Invite(context.Background(), tx, u, factor.KindPush, factor.By{Actor: systemlog.System()})
		m.invitation = i.ID
		return err
	})
	made, _, err := o.CreateChallenge(as(access.SuperAdmin), pki.Dynamic, "")
	if err != nil {
		o.Fatal(err)
	}
	o.filledRoles(m)
	m.pin, m.challenge, m.certificate = issued.ID, made.ID, "cc"+m.serial
	o.update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO certificates (fingerprint, serial_number, subject, challenge_id, tied_serial, renews, device_id, issued_at, not_after)
			VALUES ($1, $1, 'CN=mac', '', '', '', $2, $3, $4)`, m.certificate, m.device, o.now.UnixMicro(), o.now.Add(time.Hour).UnixMicro())
		return err
	})
	chain, err := o.AddChain(as(access.SuperAdmin), o.authority())
	if err != nil {
		o.Fatal(err)
	}
	m.chain, m.retired, m.open = chain.ID, o.retired(m.login), o.mac(nil).device
	o.update(func(tx *sql.Tx) error {
		_, _, err := directory.OrderDisarm(context.Background(), tx, m.open, o.now)
		return err
	})
	return m
}

// retired is a deactivated Mac of that user.
func (o *org) retired(login string) string {
	o.Helper()
	old, ctx := o.mac(nil), context.Background()
	o.update(func(tx *sql.Tx) error {
		if _, err := directory.SetPrelink(ctx, tx, old.device, old.account, login, o.now); err != nil {
			return err
		}
		_, err := directory.ChangeDevice(ctx, tx, old.device, directory.Deactivate, o.now)
		return err
	})
	return old.device
}

// authority is the certificate of a new one.
func (o *org) authority() []byte {
	o.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corp Devices"}, NotBefore: o.now.Add(-time.Hour), NotAfter: o.now.Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		o.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// events are all of the system log, the oldest first.
func (o *org) events() []systemlog.Event {
	o.Helper()
	found, err := o.Events(as(access.SuperAdmin), systemlog.Query{Limit: systemlog.MaxLimit})
	if err != nil {
		o.Fatal(err)
	}
	return found
}

// state is all that the database holds, but the system log.
func (o *org) state() string {
	o.Helper()
	var out strings.Builder
	o.update(func(tx *sql.Tx) error {
		tables, err := storetest.Tables(tx)
		for _, table := range tables {
			if table == "events" || table == "event_targets" { // the one comes of the other
				continue
			}
			rows, queryErr := tx.Query(`SELECT * FROM ` + table + ` ORDER BY 1, 2`)
			if queryErr != nil {
				return queryErr
			}
			columns, _ := rows.Columns()
			for rows.Next() {
				row := make([]any, len(columns))
				into := make([]any, len(columns))
				for i := range row {
					into[i] = &row[i]
				}
				if err := rows.Scan(into...); err != nil {
					return err
				}
				fmt.Fprintln(&out, table, row)
			}
			rows.Close()
		}
		return err
	})
	return out.String()
}
