package offlinekey

import (
	"context"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// noKeys has every person give up.
type noKeys struct{}

func (noKeys) Run(context.Context, factor.Ask, securitykey.Use) error { return errGone }

// FuzzRecord: whatever an account's record holds, what no key has signed gets
// nobody in, and a record that cannot be read never looks like no factor.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"keys":[{"id":"ok01","rp_id":"acme.example","credential":"aWQ=","public_key":"pQECAyYgASFYIA==","counter":7,"verified":true,"at":"2026-11-24T09:00:00Z"}]}`), []byte("id"), []byte("data"), []byte("signature"))
	f.Add([]byte(`{"keys":[{"credential":"","public_key":null,"cloned":true},{}]}`), []byte{}, make([]byte, 37), []byte{})
	f.Add([]byte(`{`), []byte("id"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, raw, id, data, signature []byte) {
		records := storetest.With(map[string][]byte{prefix + ada.GUID: raw})
		keeper, err := trustedtime.Open(clocktest.New(), records)
		if err != nil {
			t.Fatal(err)
		}
		journal, err := events.Open(records, keeper)
		if err != nil {
			t.Fatal(err)
		}
		k := &OfflineKey{Records: records, Journal: journal, Time: keeper, Keys: noKeys{}, Org: func() string { return "acme.example" }}
		_, unreadable := k.load(ada.GUID)
		if enrolled, why := k.Ready(context.Background(), ada); unreadable != nil && (!enrolled || why == "") {
			t.Errorf("an unreadable record is %v, %q", enrolled, why)
		}
		if err := k.take(ada.GUID, ctap.Assertion{CredentialID: id, AuthData: data, Signature: signature}, []byte("client data")); err == nil {
			t.Errorf("%q got somebody in", raw)
		}
		if outcome, err := k.Run(context.Background(), ada, nil); err == nil && outcome.Result != factor.Declined {
			t.Errorf("%+v", outcome)
		}
		if _, err := k.load(ada.GUID); unreadable == nil && err != nil {
			t.Errorf("wrote a record that cannot be read: %v", err)
		}
		_, _ = k.List(ada.GUID)
		_, _ = k.RemoveOlder(ada.GUID, "test")
		_, _ = k.Remove(ada.GUID, "ok01", "test")
	})
}
