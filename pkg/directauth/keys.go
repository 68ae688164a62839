package directauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	refetchAfter = time.Minute // the least between two fetches, whatever keys tokens name
	maxKeyAge    = time.Hour   // a key that the org took back is good no longer than this
	minRSABits   = 2048        // RFC 7518 §3.3
)

// keyCache holds the org's keys. The lock is a channel, so that waiting for it
// ends with the context.
type keyCache struct {
	lock    chan struct{}
	keys    []jose.JSONWebKey
	fetched time.Time
}

// publicKeys are the org's keys with that id, for that algorithm: from the
// cache, or fetched.
func (c *Client) publicKeys(ctx context.Context, id, algorithm string) ([]crypto.PublicKey, error) {
	select {
	case c.keys.lock <- struct{}{}:
		defer func() { <-c.keys.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	age := c.now().Sub(c.keys.fetched)
	found := named(c.keys.keys, id, algorithm)
	switch fresh := !c.keys.fetched.IsZero() && age >= 0; {
	case fresh && age < maxKeyAge && len(found) > 0:
		return found, nil
	case fresh && age < refetchAfter:
		return nil, fmt.Errorf("%w: its key is not one of the org's", ErrIDToken)
	}
	if err := c.fetchKeys(ctx); err != nil {
		return nil, err
	}
	if found = named(c.keys.keys, id, algorithm); len(found) == 0 {
		return nil, fmt.Errorf("%w: its key is not one of the org's", ErrIDToken)
	}
	return found, nil
}

// fetchKeys is called under the lock.
func (c *Client) fetchKeys(ctx context.Context) error {
	body, err := c.repeated(ctx, always, func() ([]byte, error) {
		return c.exchange(ctx, http.MethodGet, "/keys", nil, asking)
	})
	if err != nil {
		return err
	}
	keys, err := readKeys(body)
	if err != nil {
		return fmt.Errorf("read the org's keys: %w", err)
	}
	c.keys.keys, c.keys.fetched = keys, c.now()
	return nil
}

func named(keys []jose.JSONWebKey, id, algorithm string) (found []crypto.PublicKey) {
	for _, k := range keys {
		if k.KeyID == id && suits(k, algorithm) {
			found = append(found, k.Key)
		}
	}
	return found
}

// suits: the key is one that makes signatures of the algorithm, whatever the
// token that names it says.
func suits(k jose.JSONWebKey, algorithm string) bool {
	if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != algorithm {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return algorithm == string(jose.RS256) && key.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return algorithm == string(jose.ES256) && key.Curve == elliptic.P256()
	}
	return false
}

// readKeys reads a JSON key set. A key that is not understood is left out, as
// RFC 7517 §5 asks.
func readKeys(body []byte) ([]jose.JSONWebKey, error) {
	var in struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, malformed(err)
	}
	if in.Keys == nil {
		return nil, fmt.Errorf("%w: no JSON key set", ErrAnswer)
	}
	keys := make([]jose.JSONWebKey, 0, len(in.Keys))
	for _, raw := range in.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil {
			keys = append(keys, k)
		}
	}
	return keys, nil
}
