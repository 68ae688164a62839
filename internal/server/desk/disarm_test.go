package desk_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// proven is ctx of somebody who has just shown a second factor.
func (o *org) proven(ctx context.Context) context.Context { return provenAt(ctx, o.now) }

func provenAt(ctx context.Context, at time.Time) context.Context {
	return desk.From(ctx, desk.Origin{Client: systemlog.Client{IPAddress: "192.0.2.7", UserAgent: "test"}, RequestID: "req1", ProvenAt: at})
}

// disarmed says what a Mac is told at a check-in, and how the disarm stands.
func (o *org) disarmed(m mac, state directory.DisarmState, until ...time.Time) []wire.Command {
	o.Helper()
	got, err := o.Disarmed(as(access.ReadOnlyAdmin), m.device)
	if err != nil || got.State != state {
		o.Errorf("%+v %v, want it %s", got, err, state)
	}
	var waiting []wire.Command
	o.update(func(tx *sql.Tx) error {
		found, err := directory.Waiting(o.Context(), tx, []string{m.device})
		waiting = found[m.device]
		return err
	})
	if len(waiting) != len(until) {
		o.Fatalf("the Mac hears %+v, want %d commands", waiting, len(until))
	}
	for i, c := range waiting {
		if c.Kind != wire.CommandDisarm || c.Until == nil || !c.Until.Equal(until[i]) || c.GUID != "" {
			o.Errorf("the Mac hears %+v, want a disarm until %s", c, until[i])
		}
	}
	return waiting
}

func (o *org) obeys(m mac, done []wire.Command) {
	o.Helper()
	o.update(func(tx *sql.Tx) error {
		return directory.Acknowledge(o.Context(), tx, m.device, []string{done[0].ID}, o.now)
	})
}

// From the order to the end, which comes when the Mac is told of it: with one
// command at a time, and an end that stands from the order on.
func TestDisarmAndItsEnd(t *testing.T) {
	o := newOrg(t)
	m, root := o.mac(nil), as(access.SuperAdmin)
	o.disarmed(m, directory.DisarmNone)
	if err := o.EndDisarm(root, m.device); !errors.Is(err, directory.ErrState) {
		t.Errorf("an end of nothing: %v", err)
	}
	until, err := o.Disarm(o.proven(root), m.device, " keyboard is broken ")
	if err != nil || !until.Equal(o.now.Add(24*time.Hour)) {
		t.Fatal(until, err)
	}
	o.now = o.now.Add(time.Hour)
	waiting := o.disarmed(m, directory.DisarmWaiting, until)
	if _, err := o.Disarm(o.proven(root), m.device, "again"); !errors.Is(err, directory.ErrState) {
		t.Errorf("a second one: %v", err)
	}
	o.obeys(m, waiting)
	o.disarmed(m, directory.DisarmInForce)
	if _, err := o.Disarm(o.proven(root), m.device, "longer"); !errors.Is(err, directory.ErrState) {
		t.Errorf("one that would make it longer: %v", err)
	}

	if err := o.EndDisarm(root, m.device); err != nil {
		t.Fatal(err)
	}
	ends := o.disarmed(m, directory.DisarmEnding, o.now)
	if err := o.EndDisarm(root, m.device); !errors.Is(err, directory.ErrState) {
		t.Errorf("a second end: %v", err)
	}
	o.now = o.now.Add(time.Minute)
	o.obeys(m, ends)
	o.disarmed(m, directory.DisarmOver)

	var got []systemlog.Event
	for _, e := range o.events() {
		if e.Type == systemlog.LoginRightDisarm || e.Type == systemlog.LoginRightDisarmEnd {
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Severity != systemlog.Warn || got[0].Detail["reason"] != "keyboard is broken" || got[0].Detail["until"] != "2026-11-25T09:00:00Z" ||
		got[0].Targets[0].ID != m.device || got[1].Type != systemlog.LoginRightDisarmEnd || got[1].Severity != systemlog.Warn {
		t.Errorf("events %+v", got)
	}
}

// A Mac that was away hears of an end that is past, and of one order alone.
func TestADisarmThatNobodyHeard(t *testing.T) {
	o := newOrg(t)
	m, root := o.mac(nil), as(access.SuperAdmin)
	if _, err := o.Disarm(o.proven(root), m.device, "x"); err != nil {
		t.Fatal(err)
	}
	// Taken back while it waits: the Mac may have obeyed, and its word be lost.
	o.now = o.now.Add(time.Minute)
	if err := o.EndDisarm(root, m.device); err != nil {
		t.Fatal(err)
	}
	o.disarmed(m, directory.DisarmEnding, o.now)
	first, err := o.Disarm(o.proven(root), m.device, "x")
	if err != nil {
		t.Fatal(err)
	}
	o.disarmed(m, directory.DisarmWaiting, first)
	o.now = first
	o.disarmed(m, directory.DisarmOver, first)
	second, err := o.Disarm(o.proven(root), m.device, "x")
	if err != nil || !second.Equal(first.Add(24*time.Hour)) {
		t.Fatal(second, err)
	}
	o.disarmed(m, directory.DisarmWaiting, second)
}

// Without a proof of this moment, without a reason, or for a Mac that would not
// hear of it, nothing is ordered; a missing proof is an event.
func TestADisarmIsRefused(t *testing.T) {
	o := newOrg(t)
	m, root := o.mac(nil), as(access.SuperAdmin)
	suspended := o.mac(func(d *directory.Device, _ *wire.Account) { d.Status = directory.Suspended })
	unbound := o.mac(func(d *directory.Device, _ *wire.Account) { d.Certificate, d.Trust = "", directory.Unverified })
	var bad *desk.InvalidError
	for name, c := range map[string]struct {
		ctx    context.Context
		device string
		reason string
		right  func(error) bool
		event  string
	}{
		"no proof":           {root, m.device, "x", func(err error) bool { return errors.Is(err, desk.ErrNoProof) }, "NO_PROOF"},
		"an old one":         {provenAt(root, o.now.Add(-desk.ProofFor)), m.device, "x", func(err error) bool { return errors.Is(err, desk.ErrNoProof) }, "NO_PROOF"},
		"one of tomorrow":    {provenAt(root, o.now.Add(time.Second)), m.device, "x", func(err error) bool { return errors.Is(err, desk.ErrNoProof) }, "NO_PROOF"},
		"no proof, no Mac":   {root, "devzzz", "x", func(err error) bool { return errors.Is(err, directory.ErrNotFound) }, ""},
		"no reason":          {o.proven(root), m.device, " ", func(err error) bool { return errors.As(err, &bad) && bad.Field == "reason" }, ""},
		"no Mac":             {o.proven(root), "devzzz", "x", func(err error) bool { return errors.Is(err, directory.ErrNotFound) }, ""},
		"suspended":          {o.proven(root), suspended.device, "x", func(err error) bool { return errors.Is(err, directory.ErrState) }, ""},
		"never confirmed":    {o.proven(root), unbound.device, "x", func(err error) bool { return errors.Is(err, directory.ErrState) }, ""},
		"not a super admin":  {o.proven(as(access.OrgAdmin)), m.device, "x", refused, ""},
		"a token without it": {o.proven(scopedTo(access.DevicesManage)), m.device, "x", refused, ""},
	} {
		state, before := o.state(), len(o.events())
		_, err := o.Disarm(c.ctx, c.device, c.reason)
		added := o.events()[before:]
		if !c.right(err) || o.state() != state {
			t.Errorf("%s: %v", name, err)
		}
		if c.event == "" && len(added) != 0 || c.event != "" && (len(added) != 1 || added[0].Outcome != systemlog.Outcome{Result: systemlog.Denied, Reason: c.event} || added[0].Severity != systemlog.Warn) {
			t.Errorf("%s: events %+v", name, added)
		}
	}
}

// scopedTo is a super admin's token with one scope.
func scopedTo(p access.Permission) context.Context {
	ctx, _ := access.With(context.Background(), access.Caller{TokenID: "tok1", Login: "pat@example.com", Role: access.SuperAdmin, Scopes: []access.Permission{p}})
	return ctx
}

// On the server's machine nobody is asked for a proof, and the log says where it
// was done.
func TestTheOperatorDisarms(t *testing.T) {
	o := newOrg(t)
	m := o.mac(nil)
	by := desk.Operator{Log: o.Log, Now: func() time.Time { return o.now }}
	o.update(func(tx *sql.Tx) error {
		if _, err := by.Disarm(o.Context(), tx, m.device, ""); err == nil {
			t.Error("without a reason")
		}
		_, err := by.Disarm(o.Context(), tx, m.device, "the console is gone")
		return err
	})
	o.disarmed(m, directory.DisarmWaiting, o.now.Add(24*time.Hour))
	o.now = o.now.Add(time.Second)
	o.update(func(tx *sql.Tx) error { return by.EndDisarm(o.Context(), tx, m.device) })
	o.disarmed(m, directory.DisarmEnding, o.now)
	for _, e := range o.events()[len(o.events())-2:] {
		if e.Actor != systemlog.System() {
			t.Errorf("%+v", e)
		}
	}
}
