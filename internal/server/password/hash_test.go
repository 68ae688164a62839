package password

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
		a := NewHasher()
		var now, most atomic.Int64
		release := make(chan struct{})
		a.Compute = func(_, _ []byte, _, _ uint32, _ uint8, length uint32) []byte {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return make([]byte, length)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _, _ = a.Hash(t.Context(), "x") })
		}
		synctest.Wait()
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := a.Fits(ctx, "", "x"); !errors.Is(err, context.DeadlineExceeded) {
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
	a := NewHasher()
	a.Cost = Cost{1, 8, 1}
	stored, err := a.Hash(t.Context(), "plum engine")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatal(stored, err)
	}
	if again, _ := a.Hash(t.Context(), "plum engine"); again == stored {
		t.Error("the same password has the same hash")
	}
	a.Cost = Cost{2, 16, 1} // raised since: its own cost stands with it
	for password, want := range map[string]bool{"plum engine": true, "plum engine ": false, "": false} {
		if fits, err := a.Fits(t.Context(), stored, password); fits != want || err != nil {
			t.Errorf("%q: %v %v", password, fits, err)
		}
	}
	if fits, err := a.Fits(t.Context(), "", ""); fits || err != nil {
		t.Errorf("no password fits nobody: %v %v", fits, err)
	}
	for _, bad := range []string{"plum engine", strings.Replace(stored, "m=8", "m=99999999", 1), strings.Replace(stored, "argon2id", "argon2i", 1), stored[:len(stored)-1], stored + "\n",
		strings.Replace(stored, "m=8,t=1,p=1", "m=8,t=1,p=1,x", 1), strings.Replace(stored, "t=1", "t=0", 1), strings.Replace(stored, "p=1", "p=0", 1)} {
		if fits, err := a.Fits(t.Context(), bad, "plum engine"); fits || !errors.Is(err, errHash) {
			t.Errorf("%q: %v %v", bad, fits, err)
		}
	}
	h, err := parseHash(stored)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{h, &h} {
		if shown := fmt.Sprintf("%v %+v %#v %s", v, v, v, v); strings.Contains(shown, "argon") {
			t.Errorf("shows %s", shown)
		}
	}
}

// TestTheCostIsKept: what is in force costs what RFC 9106 asks for.
func TestTheCostIsKept(t *testing.T) {
	if got := NewHasher().Cost.String(); got != "m=65536,t=3,p=1" {
		t.Error(got)
	}
}
