package authenticator

import (
	"strings"
	"testing"
)

// FuzzBody: a body is read whole, or is refused; a subscription out of it is
// short.
func FuzzBody(f *testing.F) {
	f.Add("application/json", `{"endpoint":"https://fcm.googleapis.com/x","expirationTime":null,"keys":{"p256dh":"AA","auth":"AA"}}`)
	f.Add("text/plain", `{}`)
	f.Add("application/json", `{}{}`)
	f.Fuzz(func(t *testing.T, kind, raw string) {
		var in subscription
		if err := decode(kind, strings.NewReader(raw), &in); err != nil {
			return
		}
		if kind != "application/json" {
			t.Errorf("%q was taken", kind)
		}
		if kept, err := in.encode(); err == nil && len(kept) > 6*(maxEndpoint+2*maxKey)+200 {
			t.Errorf("%d bytes are kept", len(kept))
		}
	})
}
