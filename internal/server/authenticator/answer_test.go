package authenticator_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestApprove(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	p := h.phone(h.amy, "Amy’s phone")
	id, number := h.asks(h.amy)
	locked, err := p.State(ctx)
	h.must(err)
	if locked.State != "locked" || !locked.Waiting || locked.Pushes != nil || locked.Login != "" {
		t.Errorf("a locked phone is told %+v", locked)
	}
	_, err = p.Approve(ctx, id, number)
	h.refused(err, "locked")
	s, err := p.Unlock(ctx)
	h.must(err)
	if len(s.Pushes) != 1 || s.Pushes[0].Mac != "Amy’s MacBook Air" || s.Pushes[0].Login != "amy@example.com" || s.Pushes[0].From != "192.0.2.7" || !s.Pushes[0].Number || s.Seconds != 300 {
		t.Fatalf("%+v", s)
	}
	_, err = p.Approve(ctx, id, "4")
	h.refused(err, "number") // it still waits
	s, err = p.Approve(ctx, id, number)
	h.must(err)
	if len(s.Pushes) != 0 || len(s.Ended) != 1 || s.Ended[0].State != "APPROVED" || !s.Ended[0].Here {
		t.Errorf("%+v", s)
	}
	if e := h.told(systemlog.PushApprove, ""); e.Actor.AlternateID != "amy@example.com" || e.Detail["phone"] == "" {
		t.Errorf("%+v", e)
	}

	// Twice, from here and from another phone, and from somebody else's.
	_, err = p.Approve(ctx, id, number)
	if no := h.refused(err, "ended"); no.State != "APPROVED" {
		t.Errorf("%+v", no)
	}
	h.told(systemlog.PushNotTaken, "APPROVED")
	bob := h.unlocked(h.join("bob@example.com"), "Bob’s phone")
	_, err = bob.Deny(ctx, id)
	h.refused(err, "not_found")
	if e := h.told(systemlog.PushNotTaken, "FOREIGN_PHONE"); e.Actor.AlternateID != "bob@example.com" {
		t.Errorf("%+v", e)
	}
	if s, err := bob.State(ctx); err != nil || len(s.Ended) != 0 {
		t.Errorf("Bob sees %+v %v", s, err)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	p := h.unlocked(h.amy, "one")
	id, number := h.asks(h.amy)
	_, err := p.Approve(ctx, id, other(number))
	h.refused(err, "wrong_number")
	h.told(systemlog.PushDeny, "WRONG_NUMBER")
	_, err = p.Approve(ctx, id, number)
	if no := h.refused(err, "ended"); no.State != "REFUSED" || no.Reason != "WRONG_NUMBER" {
		t.Errorf("%+v", no)
	}

	late, number := h.asks(h.amy)
	h.Pass(factor.PushLife)
	_, err = p.Unlock(ctx) // the session has ended as well
	h.must(err)
	_, err = p.Approve(ctx, late, number)
	if no := h.refused(err, "ended"); no.State != "EXPIRED" {
		t.Errorf("%+v", no)
	}
	h.told(systemlog.PushNotTaken, "EXPIRED")

	h.Pass(factor.CapWindow) // those before do not count any more
	_, err = p.Unlock(ctx)
	h.must(err)
	older, number := h.asks(h.amy)
	newer, _ := h.asks(h.amy)
	_, err = p.Approve(ctx, older, number)
	if no := h.refused(err, "ended"); no.State != "SUPERSEDED" {
		t.Errorf("%+v", no)
	}
	s, err := p.NotMe(ctx, newer)
	h.must(err)
	if s.Stopped != "blocked" || len(s.Pushes) != 0 {
		t.Errorf("%+v", s)
	}
	h.told(systemlog.PushNotMe, "")
	_, err = p.Deny(ctx, "pshnone")
	h.refused(err, "not_found")

	h.Pass(factor.UnlockLife)
	_, err = p.Deny(ctx, newer)
	h.refused(err, "locked")
	// Who is asked three times without saying yes is left alone for a while.
	h.Update(func(tx *sql.Tx) error { return h.Factors.Unblock(ctx, tx, h.amy, factor.By{Actor: systemlog.System()}) })
	_, err = p.Unlock(ctx)
	h.must(err)
	for range factor.PushCap {
		id, _ := h.asks(h.amy)
		s, err = p.Deny(ctx, id)
		h.must(err)
	}
	if s.Stopped != "paused" {
		t.Errorf("%+v", s)
	}
}

// TestSeveralPhones: one answers, the others learn of it, and none is asked any
// more.
func TestSeveralPhones(t *testing.T) {
	h := newHouse(t)
	one, two := h.unlocked(h.amy, "one"), h.unlocked(h.amy, "two")
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	news := make(chan struct{}, 100)
	listening, leave := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- two.Listen(listening, func() { news <- struct{}{} }) }()
	until := func(what string, right func() bool) {
		t.Helper()
		for {
			select {
			case <-news:
				if right() {
					return
				}
			case <-ctx.Done():
				t.Fatalf("no news of %s", what)
			}
		}
	}
	sees := func(waiting int) func() bool {
		return func() bool { s, err := two.State(ctx); h.must(err); return len(s.Pushes) == waiting }
	}
	until("the page itself", sees(0))
	id, number := h.asks(h.amy)
	until("the push", sees(1))
	_, err := one.Approve(ctx, id, number)
	h.must(err)
	until("the answer", sees(0))
	s, err := two.State(ctx)
	h.must(err)
	if len(s.Ended) != 1 || s.Ended[0].State != "APPROVED" || s.Ended[0].Here {
		t.Errorf("%+v", s)
	}
	_, err = two.Deny(ctx, id)
	h.refused(err, "ended")
	// What another process does is seen as well: nothing rings for it.
	late, _ := h.asks(h.amy)
	until("the second push", sees(1))
	h.must(h.Factors.Deny(ctx, late, false, factor.By{Actor: systemlog.System()}))
	until("its end", sees(0))
	leave()
	<-ended
}

// TestARemovedPhone is told so, also while its page is open.
func TestARemovedPhone(t *testing.T) {
	h := newHouse(t)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	p := h.unlocked(h.amy, "one")
	id, number := h.asks(h.amy)
	news, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() { ended <- p.Listen(ctx, func() { news <- struct{}{} }) }()
	<-news
	h.Update(func(tx *sql.Tx) error {
		return h.Factors.RemoveAll(ctx, tx, h.amy, factor.By{Actor: systemlog.System()})
	})
	for s, err := p.State(ctx); s.State != "removed"; s, err = p.State(ctx) {
		h.must(err)
		<-news
	}
	_, err := p.Approve(ctx, id, number)
	h.refused(err, "removed")
	_, err = p.Unlock(ctx)
	h.refused(err, "removed")
	h.page.Close() // the server drains
	<-ended
	h.refusedStream(p.Listen(ctx, func() {}))
}

func (h *house) refusedStream(err error) {
	h.T.Helper()
	if err == nil {
		h.T.Error("a stream for a phone that is none")
	}
}
