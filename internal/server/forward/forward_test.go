package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a log with servers that forward it.
type house struct {
	t   *testing.T
	db  *store.DB
	log *systemlog.Log
	now time.Time
	n   int
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, db: storetest.Open(t), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	h.log = systemlog.New([]byte("key"), func() time.Time { return h.now })
	return h
}

// happens makes n events.
func (h *house) happens(n int) {
	h.t.Helper()
	for range n {
		h.n++
		h.append(systemlog.Event{Type: systemlog.PINGenerate, Message: "Event", Actor: systemlog.System(), Detail: map[string]string{"n": fmt.Sprint(h.n)}})
	}
}

func (h *house) append(e systemlog.Event) {
	h.t.Helper()
	if err := h.db.Update(h.t.Context(), func(tx *sql.Tx) error { return h.log.Append(h.t.Context(), tx, e) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) server(name string, to ...Destination) *Forwarder {
	return &Forwarder{DB: h.db, Log: h.log, Destinations: to, Zap: zap.NewNop(), Now: func() time.Time { return h.now }, Server: name}
}

func (h *house) standing() Standing {
	h.t.Helper()
	var list []Standing
	err := h.db.View(h.t.Context(), func(tx *sql.Tx) (err error) { list, err = Standings(h.t.Context(), tx); return err })
	if err != nil || len(list) != 1 {
		h.t.Fatal(list, err)
	}
	return list[0]
}

// receiver takes down the events that it is sent.
type receiver struct {
	got   []string
	fails error
	lost  bool // it has them, and says that it has not
}

func (r *receiver) Name() string { return "receiver" }
func (r *receiver) Send(ctx context.Context, events []systemlog.Event) error {
	if r.fails == nil || r.lost {
		for _, e := range events {
			r.got = append(r.got, e.Detail["n"])
		}
	}
	return errors.Join(r.fails, ctx.Err())
}

// turns has a server look that often.
func turns(t *testing.T, f *Forwarder, n int) (last error) {
	t.Helper()
	for range n {
		_, last = f.turn(t.Context(), f.Destinations[0])
	}
	return last
}

func TestEachEventComesOnceAndInOrder(t *testing.T) {
	h, r := newHouse(t), &receiver{}
	h.happens(3) // before there was a destination
	f := h.server("a", r)
	turns(t, f, 1)
	h.happens(2*batch + 5)
	more, err := f.turn(t.Context(), r)
	if err != nil || !more || len(r.got) != batch {
		t.Fatalf("%v, %v, %d", more, err, len(r.got))
	}
	turns(t, h.server("a", r), 4) // after a restart
	var want []string
	for n := 4; n <= 3+2*batch+5; n++ {
		want = append(want, fmt.Sprint(n))
	}
	if !slices.Equal(r.got, want) {
		t.Errorf("%d events, %v…, want %d", len(r.got), r.got[:3], len(want))
	}
}

func TestANewDestinationCanHaveTheWholeLog(t *testing.T) {
	h, r := newHouse(t), &receiver{}
	h.happens(3)
	f := h.server("a", r)
	f.Whole = true
	turns(t, f, 2)
	if got := strings.Join(r.got, " "); got != "1 2 3" {
		t.Errorf("got %s", got)
	}
}

// TestAFailureLosesNothing: what was not acknowledged comes again, and what is
// wrong can be read.
func TestAFailureLosesNothing(t *testing.T) {
	h, r := newHouse(t), &receiver{}
	f := h.server("a", r)
	turns(t, f, 1)
	h.happens(2)
	r.fails = errors.New("no route")
	failedAt := h.now
	if err := turns(t, f, 2); err == nil {
		t.Fatal("no error")
	}
	h.now = h.now.Add(time.Minute)
	turns(t, f, 1)
	if s := h.standing(); s.Trouble != "no route" || !s.FailedAt.Equal(failedAt) || s.Seq != 0 {
		t.Errorf("%+v", s)
	}
	r.lost = true
	turns(t, f, 1)
	r.fails = nil
	h.happens(1)
	turns(t, f, 2)
	if got := strings.Join(r.got, " "); got != "1 2 1 2 3" { // a receipt that was lost
		t.Errorf("got %s", got)
	}
	if s := h.standing(); s.Trouble != "" || !s.FailedAt.IsZero() || s.Seq != 3 {
		t.Errorf("%+v", s)
	}
}

// TestOneServerForwards: two on one database, until the one dies.
func TestOneServerForwards(t *testing.T) {
	h, first, second := newHouse(t), &receiver{}, &receiver{}
	a, b := h.server("a", first), h.server("b", second)
	turns(t, a, 1)
	for range 5 {
		h.happens(1)
		turns(t, a, 1)
		turns(t, b, 1)
	}
	if len(first.got) != 5 || len(second.got) != 0 {
		t.Fatalf("%q and %q", first.got, second.got)
	}
	h.happens(1)
	h.now = h.now.Add(held) // a has died
	turns(t, b, 1)
	if strings.Join(second.got, "") != "6" {
		t.Errorf("%q", second.got)
	}
	// a comes back, in the middle of what it was sending: that changes nothing.
	if err := a.sent(t.Context(), first, 3); err != nil {
		t.Fatal(err)
	}
	if s := h.standing(); s.Seq != 6 {
		t.Errorf("%+v", s)
	}
	b.release(t.Context(), second) // b stops in order
	h.happens(1)
	turns(t, a, 1)
	if got := strings.Join(first.got, " "); got != "1 2 3 4 5 7" {
		t.Errorf("a sent %s", got)
	}
}

func TestWhileNothingHappensNothingIsWritten(t *testing.T) {
	h, r := newHouse(t), &receiver{}
	f := h.server("a", r)
	turns(t, f, 1)
	counted := &counting{DB: h.db}
	f.DB = counted
	turns(t, f, 10)
	if counted.updates != 0 {
		t.Errorf("%d transactions wrote", counted.updates)
	}
}

type counting struct {
	*store.DB
	updates int
}

func (c *counting) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	c.updates++
	return c.DB.Update(ctx, do)
}

func TestPauses(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: longest, 1000: longest} {
		if low, high := pause(failures, 0), pause(failures, 1); low != want/2 || high != want {
			t.Errorf("after %d failures %v to %v, want up to %v", failures, low, high, want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	h, r := newHouse(t), &receiver{fails: errors.New("no route")}
	f := h.server("a", r, &receiver{})
	f.Destinations = f.Destinations[:1]
	f.Whole = true
	h.happens(1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { f.Run(ctx); close(ended) }()
	cancel()
	<-ended
	if s := h.standingIfAny(); s != nil && s.Seq != 0 {
		t.Errorf("%+v", s)
	}
}

func (h *house) standingIfAny() *Standing {
	var list []Standing
	_ = h.db.View(context.Background(), func(tx *sql.Tx) (err error) { list, err = Standings(context.Background(), tx); return err })
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}
