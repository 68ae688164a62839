package events_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// queue is a journal on a store that outlives its processes.
type queue struct {
	t       *testing.T
	clock   *clocktest.Clock
	records *storetest.Store
	*events.Journal
}

func newQueue(t *testing.T) *queue {
	t.Helper()
	q := &queue{t: t, clock: clocktest.New(), records: storetest.New(t)}
	q.restart()
	return q
}

// restart is a new process on the same disk.
func (q *queue) restart() {
	q.t.Helper()
	keeper, err := trustedtime.Open(q.clock, q.records)
	q.ok(err)
	q.Journal, err = events.Open(q.records, keeper)
	q.ok(err)
}

func (q *queue) ok(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

func (q *queue) record(names ...string) {
	q.t.Helper()
	for _, name := range names {
		q.ok(q.Record(name, ""))
	}
}

// pending is the types and ids of what a check-in would deliver.
func (q *queue) pending() (types, ids []string) {
	q.t.Helper()
	list, err := q.Pending(500)
	q.ok(err)
	for _, e := range list {
		types, ids = append(types, e.Type), append(ids, e.ID)
	}
	return types, ids
}

func (q *queue) want(types ...string) {
	q.t.Helper()
	if got, _ := q.pending(); !slices.Equal(got, types) {
		q.t.Fatalf("pending %q, want %q", got, types)
	}
}

func TestAnEventSaysWhatWhenAndWhose(t *testing.T) {
	q := newQueue(t)
	q.ok(q.Record("e", "guid", "reason", "factor", "factor", "x"))
	q.clock.SetWall(-clocktest.Start.Sub(clocktest.Start.AddDate(0, 0, -1)))
	q.ok(q.Record("e", ""))
	list, err := q.Pending(500)
	q.ok(err)
	first, second := list[0], list[1]
	if first.GUID != "guid" || !first.At.Equal(clocktest.Start) || !first.Trusted || first.Detail["reason"] != "factor" || first.Detail["factor"] != "x" {
		t.Errorf("event %+v", first)
	}
	if second.Trusted || second.Detail == nil || second.ID == first.ID || len(second.ID) != 32 {
		t.Errorf("event %+v after the clock was set back", second)
	}
}

// TestTheQueueIsInOrderAndLosesNothing plays recordings, deliveries and
// restarts against a list.
func TestTheQueueIsInOrderAndLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := newQueue(t)
		var model []string
		n := 0
		rt.Repeat(map[string]func(*rapid.T){
			"record": func(*rapid.T) {
				n++
				q.record(fmt.Sprint("e", n))
				model = append(model, fmt.Sprint("e", n))
			},
			"deliver": func(rt *rapid.T) {
				_, ids := q.pending()
				from := rapid.IntRange(0, len(ids)).Draw(rt, "from")
				to := rapid.IntRange(from, len(ids)).Draw(rt, "to")
				q.ok(q.Delivered(append([]string{"an id of nobody's"}, ids[from:to]...)))
				model = slices.Delete(model, from, to)
			},
			"restart": func(*rapid.T) { q.restart() },
			"": func(rt *rapid.T) {
				if got, _ := q.pending(); !slices.Equal(got, model) || q.Queued() != len(model) {
					rt.Fatalf("pending %q and %d queued, want %q", got, q.Queued(), model)
				}
			},
		})
	})
}

func TestPendingIsBounded(t *testing.T) {
	q := newQueue(t)
	q.record("1", "2", "3")
	list, err := q.Pending(2)
	q.ok(err)
	if len(list) != 2 || list[0].Type != "1" || list[1].Type != "2" {
		t.Errorf("the first two are %+v", list)
	}
}

func (q *queue) hold(name string) events.Settle {
	q.t.Helper()
	changes := map[string][]byte{}
	settle, err := q.Hold(changes, name, "guid")
	q.ok(err)
	q.ok(q.records.Write(changes))
	return settle
}

func (q *queue) settle(settle events.Settle, keep bool) {
	q.t.Helper()
	changes := map[string][]byte{}
	settle(changes, keep)
	q.ok(q.records.Write(changes))
}

func TestAHeldEventWaitsToBeSettled(t *testing.T) {
	q := newQueue(t)
	q.record("before")
	kept, withdrawn := q.hold("kept"), q.hold("withdrawn")
	q.record("after")
	q.want("before", "after")
	q.settle(kept, true)
	q.settle(withdrawn, false)
	q.want("before", "kept", "after")
	q.restart()
	q.want("before", "kept", "after")
}

// Between taking an event back and the write that does it a check-in may look.
func TestAnEventThatIsTakenBackDoesNotSlipOut(t *testing.T) {
	q := newQueue(t)
	q.record("before")
	for range 3 {
		settle := q.hold("a miss that was none")
		changes := map[string][]byte{}
		settle(changes, false)
		q.want("before")
		q.ok(q.records.Write(changes))
		q.want("before")
	}
	settle := q.hold("a miss after all")
	settle(map[string][]byte{}, false)
	q.want("before")
	settle(nil, true) // the changes could not be written
	q.want("before", "a miss after all")
	_, ids := q.pending()
	q.ok(q.Delivered(ids))
	q.want()
	if q.Queued() != 0 {
		t.Errorf("%d queued", q.Queued())
	}
}

func TestAHeldEventStandsWhenTheProcessEnds(t *testing.T) {
	q := newQueue(t)
	q.hold("a miss that was being compared")
	q.want()
	q.restart()
	q.want("a miss that was being compared")
	q.record("next")
	q.want("a miss that was being compared", "next")
}

// TestHeldEventsDoNotStopTheOthers: a check-in takes so many at a time, and
// those that it may not take are no reason to take none.
func TestHeldEventsDoNotStopTheOthers(t *testing.T) {
	q := newQueue(t)
	q.hold("held 1")
	q.hold("held 2")
	q.record("free")
	list, err := q.Pending(2)
	q.ok(err)
	if len(list) != 1 || list[0].Type != "free" {
		t.Errorf("pending %+v, want the one that is free", list)
	}
}

func TestAFailedWriteQueuesNothing(t *testing.T) {
	q := newQueue(t)
	q.record("1")
	full := errors.New("disk full")
	q.records.Fail = full
	if err := q.Record("2", ""); !errors.Is(err, full) {
		t.Errorf("Record: %v", err)
	}
	_, ids := q.pending()
	if err := q.Delivered(ids); !errors.Is(err, full) {
		t.Errorf("Delivered: %v", err)
	}
	q.records.Fail = nil
	q.want("1") // neither gone, nor is there more than was written
	if q.Queued() != 1 {
		t.Errorf("%d queued, want 1", q.Queued())
	}
	q.record("3")
	q.want("1", "3")
	_, ids = q.pending()
	q.ok(q.Delivered(ids))
	q.want()
	q.restart()
	q.want()
}

func TestNamesAreUniqueAndOfTheDevice(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range events.All() {
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
	}
	if !seen[events.PINActivate] || !seen[events.LoginDeny] || !seen[events.KillSwitch] {
		t.Error("a name is missing")
	}
}
