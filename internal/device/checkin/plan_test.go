package checkin

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestPlan(t *testing.T) {
	const now = time.Hour
	cases := []struct {
		name string
		do   func(*plan)
		want time.Duration // from now
	}{
		{"the server says", func(p *plan) { p.succeeded(now, 5*time.Minute, 0) }, 5 * time.Minute},
		{"spread by a tenth at most", func(p *plan) { p.succeeded(now, 10*time.Minute, 0.5) }, 9*time.Minute + 30*time.Second},
		{"the server says nothing", func(p *plan) { p.succeeded(now, 0, 0) }, usually},
		{"too soon", func(p *plan) { p.succeeded(now, time.Second, 0) }, soonest},
		{"too late", func(p *plan) { p.succeeded(now, 100*latest, 0) }, latest},
		{"a first failure", func(p *plan) { p.failed(now, 0, 0) }, firstRetry},
		{"a second", func(p *plan) { p.failures = 1; p.failed(now, 0, 0) }, 2 * firstRetry},
		{"a fifth", func(p *plan) { p.failures = 4; p.failed(now, 0, 0) }, 16 * firstRetry},
		{"the hundredth", func(p *plan) { p.failures = 99; p.failed(now, 0, 0) }, lastRetry},
		{"half of it at random", func(p *plan) { p.failed(now, 0, 0.5) }, 3 * firstRetry / 4},
		{"the server asks for longer", func(p *plan) { p.failed(now, time.Hour, 0) }, time.Hour},
		{"the server asks for less", func(p *plan) { p.failed(now, time.Second, 0) }, firstRetry},
		{"the server asks for a year", func(p *plan) { p.failed(now, 365*latest, 0) }, latest},
		{"asked for after a success", func(p *plan) { p.succeeded(now, 0, 0); p.kick(now + time.Minute) }, time.Minute},
		{"asked for right after one", func(p *plan) { p.succeeded(now, 0, 0); p.kick(now) }, kickGap},
		{"asked for while the server wants peace", func(p *plan) { p.failed(now, time.Hour, 0); p.kick(now + time.Minute) }, time.Hour},
		{"asked for while backing off", func(p *plan) { p.failures = 9; p.failed(now, 0, 0); p.kick(now + time.Minute) }, time.Minute},
		{"a success ends the failures", func(p *plan) { p.failures = 9; p.succeeded(now, 0, 0); p.failed(now, 0, 0) }, firstRetry},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := plan{due: now}
			c.do(&p)
			if got := p.due - now; got != c.want {
				t.Errorf("due in %v, want %v", got, c.want)
			}
		})
	}
}

func TestPlanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p plan
		now := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "passes"))
			random := rapid.Float64Range(0, 0.999).Draw(t, "random")
			after := time.Duration(rapid.Int64Range(0, int64(2*latest)).Draw(t, "after"))
			if rapid.Bool().Draw(t, "good") {
				p.succeeded(now, after, random)
			} else {
				p.failed(now, after, random)
			}
			if p.due < now+soonest*9/10 || p.due > now+latest || p.due < p.notBefore {
				t.Fatalf("at %v: %+v", now, p)
			}
			if before := p.due; rapid.Bool().Draw(t, "kick") {
				p.kick(now)
				if p.due > before || p.due < p.notBefore || p.due < now+kickGap {
					t.Fatalf("after a kick at %v: %+v", now, p)
				}
			}
		}
	})
}

// scheduled runs a runner in a bubble of time against a server outside of it.
func scheduled(t *testing.T, answer func(int, wire.CheckIn, http.ResponseWriter), play func(t *testing.T, m *mac, r *Runner)) {
	o := newOrg(t)
	o.answer = answer
	synctest.Test(t, func(t *testing.T) {
		m, r := newMac(t, o)
		m.record.URL = o.main.URL
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		play(t, m, r)
		stop()
		<-done
	})
}

func (m *mac) attempts() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Duration(nil), m.reports...)
}

func minutes(n ...int) []time.Duration {
	out := make([]time.Duration, len(n))
	for i := range n {
		out[i] = time.Duration(n[i]) * time.Minute
	}
	return out
}

func TestRunFollowsTheServer(t *testing.T) {
	scheduled(t, acceptAll, func(t *testing.T, m *mac, r *Runner) {
		pass(12 * time.Minute)
		if got := m.attempts(); !reflect.DeepEqual(got, minutes(0, 5, 10)) {
			t.Errorf("attempts at %v", got)
		}
		if s := r.Status(); s.NextIn != 3*time.Minute || s.Failures != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRunHonoursRetryAfter(t *testing.T) {
	scheduled(t, func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Retry-After", "1800")
			refuse(w, http.StatusServiceUnavailable, "")
			return
		}
		accept(c, w, nil)
	}, func(t *testing.T, m *mac, r *Runner) {
		pass(time.Minute)
		r.Kick()
		pass(31 * time.Minute)
		if got := m.attempts(); !reflect.DeepEqual(got, minutes(0, 30)) {
			t.Errorf("attempts at %v", got)
		}
	})
}

func TestNowDoesNotWait(t *testing.T) {
	scheduled(t, func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Retry-After", "1800")
			refuse(w, http.StatusServiceUnavailable, "")
			return
		}
		accept(c, w, nil)
	}, func(t *testing.T, m *mac, r *Runner) {
		pass(time.Minute)
		if _, err := r.Now(t.Context()); err != nil {
			t.Error(err)
		}
		pass(6 * time.Minute)
		if got := m.attempts(); !reflect.DeepEqual(got, minutes(0, 1, 6)) {
			t.Errorf("attempts at %v", got)
		}
	})
}

func TestKickBringsItForward(t *testing.T) {
	scheduled(t, acceptAll, func(t *testing.T, m *mac, r *Runner) {
		pass(time.Minute)
		r.Kick()
		r.Kick()
		pass(time.Second)
		if got := m.attempts(); !reflect.DeepEqual(got, minutes(0, 1)) {
			t.Errorf("attempts at %v", got)
		}
	})
}

// TestKickDuringACheckIn: what happened after the events were collected does
// not wait for the next time.
func TestKickDuringACheckIn(t *testing.T) {
	var r *Runner
	o := newOrg(t)
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) { accept(c, w, nil) }
	synctest.Test(t, func(t *testing.T) {
		var m *mac
		m, r = newMac(t, o)
		m.record.URL = o.main.URL
		m.fail["Apply"] = nil
		kicking := &kickOnce{mac: m}
		r.o.Answers, kicking.kick = kicking, r.Kick
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		pass(time.Minute)
		if got := m.attempts(); !reflect.DeepEqual(got, []time.Duration{0, time.Second}) {
			t.Errorf("attempts at %v", got)
		}
		stop()
		<-done
	})
}

type kickOnce struct {
	*mac
	kick func()
}

func (k *kickOnce) Apply(ctx context.Context, c wire.CheckIn, a wire.CheckInAnswer, at Exchange) error {
	if k.kick != nil {
		k.kick()
		k.kick = nil
	}
	return k.mac.Apply(ctx, c, a, at)
}

// TestRunBacksOff without a certificate: nothing is sent, and trying goes on.
func TestRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mac{start: time.Now(), url: "https://latchkey.example", certErr: errors.New("none")}
		asked := &asking{mac: m}
		r := m.runner(nil)
		r.o.Identity = asked
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		pass(46 * time.Minute)
		want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second, 930 * time.Second, 1830 * time.Second, 2730 * time.Second}
		if !reflect.DeepEqual(asked.at, want) {
			t.Errorf("attempts at %v", asked.at)
		}
		if s := r.Status(); s.Failures != len(want) || s.Attempted.IsZero() || m.logs.Len() != 1 {
			t.Errorf("%+v, logged %d times", s, m.logs.Len())
		}
		stop()
		<-done
	})
}

// asking notes when a certificate is asked for.
type asking struct {
	*mac
	at []time.Duration
}

func (a *asking) Certificate(ctx context.Context) (tls.Certificate, error) {
	a.at = append(a.at, a.Continuous())
	return a.mac.Certificate(ctx)
}

// sleeping is a clock that runs on while timers stand still, as through sleep.
type sleeping struct {
	*mac
	ahead atomic.Int64
}

func (s *sleeping) Continuous() time.Duration {
	return s.mac.Continuous() + time.Duration(s.ahead.Load())
}

// TestRunCountsSleep: a machine that wakes up is not late by what it slept.
func TestRunCountsSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mac{start: time.Now(), url: "https://latchkey.example", certErr: errors.New("none")}
		asked := &asking{mac: m}
		clock := &sleeping{mac: m}
		r := m.runner(nil)
		r.o.Identity, r.o.Clock = asked, clock
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		pass(20 * time.Minute) // backing off by a quarter of an hour
		before := len(asked.at)
		clock.ahead.Store(int64(8 * time.Hour))
		pass(lookEvery)
		if len(asked.at) != before+1 {
			t.Errorf("%d attempts after waking up", len(asked.at)-before)
		}
		stop()
		<-done
	})
}

// pass lets time go by, and what is due by its end happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
