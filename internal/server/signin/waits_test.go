package signin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An administrator's record shows nothing of what it holds.
func TestRecordsPrintNothing(t *testing.T) {
	r := record{password: "$argon2id$", totp: "sealed"}
	for _, v := range []any{r, &r} {
		if shown := fmt.Sprintf("%v %+v %#v %s", v, v, v, v); strings.Contains(shown, "argon") || strings.Contains(shown, "sealed") {
			t.Errorf("shows %s", shown)
		}
	}
}

func TestWaits(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Minute, 5: time.Minute, 6: 2 * time.Minute, 10: 32 * time.Minute, 11: time.Hour, 12: time.Hour, 1 << 40: time.Hour} {
		if got := waitAfter(failures); got != want {
			t.Errorf("after %d: %s, want %s", failures, got, want)
		}
	}
	if text := (&ThrottledError{Wait: 1100 * time.Millisecond}).Error(); text != "too many wrong tries: wait 2 seconds" {
		t.Error(text)
	}
}

func TestPlaces(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "unknown", "192.0.2.7:99": "unknown", "x": "unknown"} {
		if got := place(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
