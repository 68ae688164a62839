package factor_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Whatever happens in whatever order: no step of an app is taken twice or after
// a later one, nobody has more tries than the waits allow, and no push is sent
// to who was sent three without an approval.
func TestAnyOrder(t *testing.T) {
	h := newHouse(t)
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		count++
		s, k := h.join("u" + time.Duration(count).String() + "@example.com")
		taken, misses := uint64(0), 0
		var waitUntil, missed time.Time
		var open []time.Time // pushes without an approval
		var paused time.Time
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			if h.clock().Sub(missed) >= 24*time.Hour {
				misses = 0
			}
			switch rapid.SampledFrom([]string{"right", "old", "wrong", "push", "approve", "deny", "pass", "long"}).Draw(rt, "what") {
			case "right", "old":
				step := totp.Step(h.clock()) - uint64(rapid.IntRange(0, 1).Draw(rt, "back"))
				err := h.TryTOTP(rt.Context(), s, k.Code(step), "", h.mac)
				var wait *factor.WaitError
				switch waits := h.clock().Before(waitUntil); {
				case waits != errors.As(err, &wait):
					rt.Fatalf("wait until %v at %v: %v", waitUntil, h.clock(), err)
				case waits:
				case step > taken:
					if err != nil {
						rt.Fatalf("step %d after %d: %v", step, taken, err)
					}
					taken, misses, waitUntil = step, 0, time.Time{}
				case err == nil:
					rt.Fatalf("step %d was taken after %d", step, taken)
				default:
					misses++
					waitUntil, missed = until(h.clock(), misses), h.clock()
				}
			case "wrong":
				err := h.TryTOTP(rt.Context(), s, k.Code(totp.Step(h.clock())+100), "", h.mac)
				if err == nil {
					rt.Fatal("a wrong code")
				}
				if !h.clock().Before(waitUntil) {
					misses++
					waitUntil, missed = until(h.clock(), misses), h.clock()
				}
			case "push":
				recent := within(open, h.clock())
				_, err := h.Push(rt.Context(), s, "", h.mac)
				var wait *factor.WaitError
				stopped := h.clock().Before(paused) || recent >= factor.PushCap
				if stopped != errors.As(err, &wait) || !stopped && err != nil {
					rt.Fatalf("%d open, paused until %v: %v", recent, paused, err)
				}
				if stopped && !h.clock().Before(paused) {
					paused = h.clock().Add(factor.PauseLife)
				}
				if !stopped {
					open = append(open, h.clock())
				}
			case "deny":
				for _, p := range h.waiting() {
					if p.User.ID != s.User.ID {
						continue
					}
					h.must(h.Deny(rt.Context(), p.ID, false, by()))
					if within(open, h.clock()) >= factor.PushCap {
						paused = h.clock().Add(factor.PauseLife)
					}
				}
			case "pass":
				h.pass(time.Duration(rapid.IntRange(1, 120).Draw(rt, "seconds")) * time.Second)
			case "long":
				h.pass(time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute)
			}
		}
	})
}

// within are how many pushes count for the cap.
func within(open []time.Time, now time.Time) (recent int) {
	for _, at := range open {
		if now.Sub(at) < factor.CapWindow {
			recent++
		}
	}
	return recent
}

// until is the wait by the rule, written again.
func until(now time.Time, misses int) time.Time {
	if misses < 5 {
		return time.Time{}
	}
	minutes := 1
	for range misses - 5 {
		minutes = min(2*minutes, 60)
	}
	return now.Add(time.Duration(minutes) * time.Minute)
}
