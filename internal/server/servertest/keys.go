package servertest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// kept is what a real org keeps of its authorities, with the master key that
// opens it.
type kept struct {
	masterKey []byte
	rows      [][3]string
}

// authorities are made once for all orgs of a test program: an RSA key of 3072
// bits takes seconds where the race detector watches.
var authorities = sync.OnceValues(func() (k kept, err error) {
	dir, err := os.MkdirTemp("", "latchkey-servertest")
	if err != nil {
		return k, err
	}
	defer os.RemoveAll(dir)
	v, err := vault.Create(filepath.Join(dir, "master.key"))
	if err != nil {
		return k, err
	}
	db, err := store.Open(context.Background(), filepath.Join(dir, "authorities.db"))
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now().UTC().Truncate(time.Second)
	err = db.Update(context.Background(), func(tx *sql.Tx) error {
		_, err1 := pki.OpenDevice(context.Background(), tx, v, now)
		_, _, err2 := pki.EvaluationTLS(context.Background(), tx, v, []string{"127.0.0.1"}, now)
		k.rows, err = store.All(context.Background(), tx, func(s store.Scanner) (a [3]string, err error) { return a, s.Scan(&a[0], &a[1], &a[2]) },
			`SELECT name, certificate, sealed_key FROM authorities`)
		return errors.Join(err1, err2, err)
	})
	if err != nil {
		return k, err
	}
	k.masterKey, err = os.ReadFile(filepath.Join(dir, "master.key"))
	return k, err
})

// keyRing has the keys of Macs: each Mac of an org has its own, and the orgs of a
// test program share them.
var keyRing = sync.OnceValue(func() *ring { return &ring{} })

type ring struct {
	mu   sync.Mutex
	keys []*rsa.PrivateKey
}

// key is one that no other Mac of this org has.
func (o *Org) key() *rsa.PrivateKey {
	o.T.Helper()
	o.mu.Lock()
	n := o.keys
	o.keys++
	o.mu.Unlock()
	all := keyRing()
	all.mu.Lock()
	defer all.mu.Unlock()
	for len(all.keys) <= n {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			o.T.Fatal(err)
		}
		all.keys = append(all.keys, key)
	}
	return all.keys[n]
}
