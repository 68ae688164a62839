package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFewAtOnce: however many ask, two passwords are computed at a time, and who
// waits can be called off.
func TestFewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArgon()
		var now, most atomic.Int64
		release := make(chan struct{})
		a.compute = func(_, _ []byte, _, _ uint32, _ uint8, length uint32) []byte {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return make([]byte, length)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _, _ = a.hash(t.Context(), "x") })
		}
		synctest.Wait()
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := a.fits(ctx, "", "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(release)
		all.Wait()
		if most.Load() != 2 {
			t.Errorf("%d at a time", most.Load())
		}
	})
}

func TestHashes(t *testing.T) {
	a := newArgon()
	a.cost = cost{1, 8, 1}
	stored, err := a.hash(t.Context(), "plum engine")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatal(stored, err)
	}
	if again, _ := a.hash(t.Context(), "plum engine"); again == stored {
		t.Error("the same password has the same hash")
	}
	a.cost = cost{2, 16, 1} // raised since: its own cost stands with it
	for password, want := range map[string]bool{"plum engine": true, "plum engine ": false, "": false} {
		if fits, err := a.fits(t.Context(), stored, password); fits != want || err != nil {
			t.Errorf("%q: %v %v", password, fits, err)
		}
	}
	if fits, err := a.fits(t.Context(), "", ""); fits || err != nil {
		t.Errorf("no password fits nobody: %v %v", fits, err)
	}
	for _, bad := range []string{"plum engine", strings.Replace(stored, "m=8", "m=99999999", 1), strings.Replace(stored, "argon2id", "argon2i", 1), stored[:len(stored)-1], stored + "\n",
		strings.Replace(stored, "m=8,t=1,p=1", "m=8,t=1,p=1,x", 1), strings.Replace(stored, "t=1", "t=0", 1), strings.Replace(stored, "p=1", "p=0", 1)} {
		if fits, err := a.fits(t.Context(), bad, "plum engine"); fits || !errors.Is(err, errHash) {
			t.Errorf("%q: %v %v", bad, fits, err)
		}
	}
	h, err := parseHash(stored)
	if err != nil {
		t.Fatal(err)
	}
	r := record{password: stored, totp: "sealed"}
	for _, v := range []any{h, r, &h, &r} {
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
