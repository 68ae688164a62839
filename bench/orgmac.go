package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// measured is a Mac of the org that checks in: with a certificate of an
// authority of the org's own, and secrets that make PINs.
type measured struct {
	number      int
	certificate []byte
	accounts    []wire.Account
	token       string
	seq         uint64

	conn   net.Conn
	reader *bufio.Reader
	host   string
}

// authority is one of the org's own, as most orgs have one. All Macs share a
// key: making twenty thousand is nothing that is measured.
type authority struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	shared *ecdsa.PrivateKey
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	shared, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, shared: shared}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bench Devices"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// issue makes the certificate of a Mac, with the marker of Device Access.
func (a *authority) issue(number int, now time.Time) (*x509.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(number) + 2), Subject: pkix.Name{CommonName: fmt.Sprintf("C02%07d", number)}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(900 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 51150, 13, 1}, Value: []byte{2, 1, 1}}}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.shared.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// enrol makes how many of the org's Macs, spread over all of them, into ones
// that check in.
func (a *authority) enrol(ctx context.Context, db *store.DB, v *vault.Vault, macs, how int, now time.Time) (found []*measured, err error) {
	err = db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := pki.AddChain(ctx, tx, pki.PEM(a.cert), "bench@example.com", now); err != nil {
			return err
		}
		for k := range how {
			m := &measured{number: 1 + k*(macs/how)}
			cert, err := a.issue(m.number, now)
			if err == nil {
				err = errors.Join(m.bind(ctx, tx, cert), m.secrets(ctx, tx, v))
			}
			if err != nil {
				return fmt.Errorf("enrol Mac %d: %w", m.number, err)
			}
			found = append(found, m)
		}
		return nil
	})
	return found, err
}

func (m *measured) device() string { return fmt.Sprintf("dev%07d", m.number) }

func (m *measured) bind(ctx context.Context, tx *sql.Tx, cert *x509.Certificate) error {
	m.certificate = cert.Raw
	if _, err := pki.FindOwn(ctx, tx, cert); err != nil {
		return err
	}
	fingerprint := pki.Fingerprint(cert)
	_, err := tx.ExecContext(ctx, `UPDATE devices SET certificate = $2, trust = 'BOUND' WHERE id = $1`, m.device(), fingerprint)
	return errors.Join(err, pki.Assign(ctx, tx, fingerprint, m.device()))
}

// secrets gives its governed accounts one each.
func (m *measured) secrets(ctx context.Context, tx *sql.Tx, v *vault.Vault) error {
	for _, kind := range []string{"A", "B"} {
		id := fmt.Sprintf("osa%s%07d", kind, m.number)
		account := wire.Account{GUID: fmt.Sprintf("%s-%07d", kind, m.number), Factors: []wire.Factor{}, Secret: wire.SecretState{State: "none"}}
		err := tx.QueryRowContext(ctx, `SELECT uid, name, full_name, governed, exempt, linked FROM os_accounts WHERE id = $1`, id).
			Scan(&account.UID, &account.Name, &account.FullName, &account.Governed, &account.Exempt, &account.Linked)
		if err != nil {
			return err
		}
		if account.Governed {
			if account.Secret, err = m.secret(ctx, tx, v, id); err != nil {
				return err
			}
		}
		m.accounts = append(m.accounts, account)
	}
	return nil
}

func (m *measured) secret(ctx context.Context, tx *sql.Tx, v *vault.Vault, account string) (wire.SecretState, error) {
	key, err := recoverypin.NewSecret(rand.Reader)
	if err != nil {
		return wire.SecretState{}, err
	}
	sealed, err := v.Seal(vault.ForRecovery, key[:], m.device(), account, "1")
	if err != nil {
		return wire.SecretState{}, err
	}
	id := key.KeyID()
	state := wire.SecretState{Generation: 1, KeyID: hex.EncodeToString(id[:]), State: "current"}
	_, err = tx.ExecContext(ctx, `UPDATE recovery_secrets SET key_id = $2, sealed = $3 WHERE account_id = $1`, account, state.KeyID, sealed)
	return state, err
}

// next is its next check-in, as the daemon sends one when nothing has happened.
func (m *measured) next(now time.Time) ([]byte, error) {
	m.seq++
	serial := fmt.Sprintf("C02%07d", m.number)
	return json.Marshal(wire.CheckIn{V: 1, Seq: m.seq, Boot: "boot-1", Token: m.token, Wall: now, Clock: "anchored",
		Device:   wire.Device{UDID: "UDID-" + serial, Serial: serial, Name: "Mac-" + serial, Model: "Mac15,3", OS: "15.1", Agent: "0.1.0", Zone: "UTC"},
		Armed:    wire.Armed{State: "armed", Reason: "ok"},
		Policy:   wire.PolicyState{State: "good", SHA256: "ab", Effective: json.RawMessage(`{"DeviceRecoveryPINDuration":{"value":45,"origin":"forced"},"MFARequiredList":{"value":["*"],"origin":"forced"}}`)},
		Accounts: m.accounts})
}
