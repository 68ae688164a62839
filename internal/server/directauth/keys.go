package directauth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// keyBits is the size of a signing key. RSA, as every client of Okta's reads it.
const keyBits = 2048

// Keys sign ID tokens: the newest one does, and all are published.
type Keys struct {
	id      string
	key     *rsa.PrivateKey
	publish []byte // the answer of /keys, made once
}

// OpenKeys reads the keys, and makes the first one.
func OpenKeys(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time) (*Keys, error) {
	type row struct{ id, sealed string }
	rows, err := store.All(ctx, tx, func(s store.Scanner) (r row, err error) { err = s.Scan(&r.id, &r.sealed); return r, err },
		`SELECT id, sealed FROM token_keys ORDER BY created_at DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("read the keys of tokens: %w", err)
	}
	if len(rows) == 0 {
		if err := AddKey(ctx, tx, v, now); err != nil {
			return nil, err
		}
		return OpenKeys(ctx, tx, v, now)
	}
	k := &Keys{}
	set := map[string][]map[string]string{"keys": {}}
	for _, r := range rows {
		key, err := openKey(v, r.id, r.sealed)
		if err != nil {
			return nil, err
		}
		if k.key == nil {
			k.id, k.key = r.id, key
		}
		set["keys"] = append(set["keys"], public(r.id, &key.PublicKey))
	}
	k.publish, err = json.Marshal(set)
	return k, err
}

// AddKey makes a key that signs from the server's next start on. Those before
// it stay published, for tokens that were signed with them.
func AddKey(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("make a key of tokens: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key of tokens: %w", err)
	}
	id := store.NewID("key")
	sealed, err := v.Seal(vault.ForTokenKeys, der, id)
	if err != nil {
		return fmt.Errorf("seal a key of tokens: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO token_keys (id, sealed, created_at) VALUES ($1, $2, $3)`, id, sealed, store.Micros(now)); err != nil {
		return fmt.Errorf("store a key of tokens: %w", err)
	}
	return nil
}

func openKey(v *vault.Vault, id, sealed string) (*rsa.PrivateKey, error) {
	der, err := v.Open(vault.ForTokenKeys, sealed, id)
	if err != nil {
		return nil, fmt.Errorf("open key %s of tokens: %w", id, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read key %s of tokens: %w", id, err)
	}
	own, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key %s of tokens is no RSA key", id)
	}
	return own, nil
}

func public(id string, k *rsa.PublicKey) map[string]string {
	return map[string]string{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())}
}

// serve is what a Mac asks to know that it is online: it needs no certificate
// and no database.
func (k *Keys) serve(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "max-age=300")
	_, _ = w.Write(k.publish)
}

// sign is a JWT (RFC 7515, compact) with these claims.
func (k *Keys) sign(claims any) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "RS256", "kid": k.id, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode the claims of a token: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
