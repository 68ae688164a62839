package macos

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestACallThatHangs: whoever asks goes on at the limit, whoever comes while the
// places are taken as well, and a place is free again when its call returns.
func TestACallThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int32
		calls, release := NewCalls(2, 5*time.Second), make(chan struct{})
		hang := func() (string, error) { begun.Add(1); <-release; return "late", nil }
		for range 2 {
			start := time.Now()
			if got, err := Do(t.Context(), calls, "ask", hang); !errors.Is(err, ErrHung) || got != "" || !strings.HasPrefix(err.Error(), "ask: ") {
				t.Errorf("a call that hangs: %q, %v", got, err)
			}
			if waited := time.Since(start); waited != 5*time.Second {
				t.Errorf("waited for %v", waited)
			}
		}
		if _, err := Do(t.Context(), calls, "ask", hang); !errors.Is(err, ErrHung) || begun.Load() != 2 {
			t.Errorf("with no place left: %v, and %d calls were begun", err, begun.Load())
		}
		close(release)
		synctest.Wait()
		if got, err := Do(t.Context(), calls, "ask", func() (string, error) { return "at once", nil }); err != nil || got != "at once" {
			t.Errorf("after it: %q, %v", got, err)
		}
	})
}

func TestACallThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := NewCalls(1, time.Minute), make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Do(ctx, calls, "ask", func() (int, error) { <-release; return 0, nil })
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrHung) {
			t.Errorf("the caller's own deadline: %v", err)
		}
		close(release)
		synctest.Wait()
		begun := false
		if _, err := Do(ctx, calls, "ask", func() (int, error) { begun = true; return 0, nil }); err == nil || begun {
			t.Errorf("a call that nobody waits for: %v, begun %v", err, begun)
		}
	})
}

func TestACallsError(t *testing.T) {
	got, err := Do(t.Context(), NewCalls(1, time.Minute), "read", func() (int, error) { return 7, ErrLocked })
	if got != 0 || !errors.Is(err, ErrLocked) || err.Error() != "read: "+ErrLocked.Error() {
		t.Errorf("%d, %v", got, err)
	}
}
