package authenticator

import (
	"encoding/json"
	"errors"
	"fmt"
)

// subscription is a browser's PushSubscription as JSON (Push API, toJSON).
type subscription struct {
	Endpoint string   `json:"endpoint"`
	Expires  *float64 `json:"expirationTime"` // that of the browser; the push service says when it is over
	Keys     struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// Bounds of a subscription, in bytes: an uncompressed point and 16 bytes in
// base64url (RFC 8291 §3.1), with some room.
const (
	maxEndpoint = 2048
	maxKey      = 128
)

// encode is what is kept of it.
func (s subscription) encode() ([]byte, error) {
	if s.Endpoint == "" || len(s.Endpoint) > maxEndpoint || s.Keys.P256dh == "" || len(s.Keys.P256dh) > maxKey || s.Keys.Auth == "" || len(s.Keys.Auth) > maxKey {
		return nil, errors.Join(errForm, errors.New("a subscription with a part that is missing or too long"))
	}
	s.Expires = nil
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode a subscription: %w", err)
	}
	return raw, nil
}
