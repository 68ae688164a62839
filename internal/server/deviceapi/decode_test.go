package deviceapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// FuzzDecode: whatever comes, the answer is a check-in within bounds or an
// error with a status.
func FuzzDecode(f *testing.F) {
	good, _ := json.Marshal(request("C02A", 1))
	for _, seed := range []string{string(good), `{}`, `{"v":1}`, `{"v":1,"seq":1e99}`, `{"v":1,"secrets":[{"key":"!!"}]}`, `[1]`, `{"v":1,"wall":"x"}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := deviceapi.Decode(raw)
		var refusal *apierror.Error
		switch {
		case err == nil && (in.V != 1 || in.Seq == 0 || in.Device.Serial == "" || len(in.Events) > wire.MaxCheckInEvents):
			t.Fatalf("taken: %+v", in)
		case err != nil && !errors.As(err, &refusal):
			t.Fatalf("an error without a status: %v", err)
		case err != nil && refusal.Status != http.StatusBadRequest && refusal.Status != http.StatusRequestEntityTooLarge && refusal.Status != http.StatusUpgradeRequired:
			t.Fatalf("status %d", refusal.Status)
		}
	})
}

func TestPace(t *testing.T) {
	// The listener's own limit is lifted in the other tests.
	p := deviceapi.NewPace(1, 3)
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	passed := 0
	for range 10 {
		if deviceapi.Wait(p, "a", at) == 0 {
			passed++
		}
	}
	if passed != 3 {
		t.Fatalf("%d of a burst of 3 passed", passed)
	}
	if deviceapi.Wait(p, "b", at) != 0 {
		t.Fatal("one certificate slows another")
	}
	if deviceapi.Wait(p, "a", at.Add(time.Second)) != 0 {
		t.Fatal("a second later it still waits")
	}
}
