package deviceapi_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestActivations(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	_, up := upload(t, 1)
	in.Secrets = []wire.SecretUpload{up}
	o.CheckIn(&id, in)
	d := device(o, "C02A")
	a := account(o, d)
	ctx := o.As(access.HelpDeskAdmin, "sam@example.com")
	timed, err := o.Book.Issue(ctx, recovery.Request{DeviceID: d.ID, AccountID: a.ID, Reason: "lost phone"})
	if err != nil {
		t.Fatal(err)
	}
	coded, err := o.Book.Issue(ctx, recovery.Request{DeviceID: d.ID, AccountID: a.ID, Reason: "clock", DeviceCode: "6393 4920"})
	if err != nil {
		t.Fatal(err)
	}
	usedAt := o.Now().Add(30 * time.Second)
	o.Pass(time.Hour)
	in.Seq, in.Secrets = 2, nil
	in.Events = []wire.Event{
		event("a1", systemlog.PINActivate, usedAt, map[string]string{"method": "time", "issued_at": fmt.Sprint(timed.IssuedAt.Unix())}),
		event("a2", systemlog.PINActivate, usedAt, map[string]string{"method": "device_code", "device_code": "63934920"}),
	}
	if _, out, _ := o.CheckIn(&id, in); len(out.Commands) != 0 {
		t.Fatalf("commands %+v", out.Commands)
	}
	o.Update(func(tx *sql.Tx) error {
		pins, err := o.Book.List(t.Context(), tx, a.ID)
		for _, p := range pins {
			if !p.UsedAt.Equal(usedAt) {
				t.Errorf("PIN by %s used at %v, want %v", p.Method, p.UsedAt, usedAt)
			}
		}
		if len(pins) != 2 || coded.Method != "device_code" {
			t.Errorf("%d PINs, method %s", len(pins), coded.Method)
		}
		return err
	})
	for n, detail := range map[string]map[string]string{
		"a second of nobody's":       {"method": "time", "issued_at": fmt.Sprint(timed.IssuedAt.Unix() + 1)},
		"one that was used":          {"method": "time", "issued_at": timed.IssuedAt.Format(time.RFC3339)},
		"a device code of nobody's":  {"method": "device_code", "device_code": "97000314"},
		"nothing that says which":    {},
		"a method that is not known": {"method": "magic"},
	} {
		before := len(o.Events(systemlog.PINUnmatched))
		in.Seq++
		in.Events = []wire.Event{event("u-"+n, systemlog.PINActivate, o.Now(), detail)}
		_, out, _ := o.CheckIn(&id, in)
		if len(out.Commands) != 1 || out.Commands[0].Kind != wire.CommandRotate {
			t.Errorf("%s: commands %+v", n, out.Commands)
			continue
		}
		in.Ack = []string{out.Commands[0].ID}
		if events := o.Events(systemlog.PINUnmatched); len(events) != before+1 || events[before].Severity != systemlog.Error {
			t.Errorf("%s: %d critical events, want %d", n, len(events), before+1)
		}
	}
}

func TestForgedEventTypesAreKeptApart(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	in.Events = []wire.Event{event("e1", systemlog.PINGenerate, o.Now(), nil), event("e2", "user.session.start", o.Now(), nil),
		event("e3", systemlog.LoginRightDisarm, o.Now(), nil), event("e4", systemlog.LoginRightDisarmEnd, o.Now(), nil)}
	_, out, _ := o.CheckIn(&id, in)
	if len(out.Events) != 4 || len(o.Events(systemlog.LoginRightDisarm)) != 0 || len(o.Events(systemlog.PINGenerate)) != 0 || len(o.Events("user.session.start")) != 0 {
		t.Fatalf("accepted %v", out.Events)
	}
	if kept := o.Events(systemlog.DeviceEventUnknown); len(kept) != 4 || kept[0].Detail["deviceEventType"] != systemlog.PINGenerate {
		t.Fatalf("kept %+v", kept)
	}
}

// A Mac that is open, for whatever reason, stands out in the log.
func TestAChangeOfTheLoginRight(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	in := request("C02A", 1)
	want := map[string]string{"armed": systemlog.Info, "disarmed": systemlog.Warn, "partial": systemlog.Warn, "": systemlog.Warn}
	for state := range want {
		in.Events = append(in.Events, event("e-"+state, systemlog.LoginRightChanged, o.Now(), map[string]string{"state": state, "reason": "remote"}))
	}
	if _, out, _ := o.CheckIn(&id, in); len(out.Events) != len(want) {
		t.Fatalf("accepted %v", out.Events)
	}
	got := o.Events(systemlog.LoginRightChanged)
	if len(got) != len(want) {
		t.Fatalf("%d events", len(got))
	}
	for _, e := range got {
		if e.Severity != want[e.Detail["state"]] || e.Detail["reason"] != "remote" || e.Outcome.Result != systemlog.Success {
			t.Errorf("%+v", e)
		}
	}
}
