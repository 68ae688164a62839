package lockout

import (
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	for misses, want := range map[int]time.Duration{
		-1: 0, 0: 0, 4: 0, 5: time.Minute, 6: 2 * time.Minute, 10: 32 * time.Minute, 11: time.Hour, 12: time.Hour, 1 << 40: time.Hour,
	} {
		if got := After(misses); got != want {
			t.Errorf("after %d misses: %s, want %s", misses, got, want)
		}
	}
}
