package service

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

var ada = factor.Account{GUID: "guid-ada", Name: "ada", UID: 501}

func rtFatal(rt *rapid.T, doing string, err error) { rt.Errorf("%s: %v", doing, err) }

func (l *life) must(err error) {
	if err != nil {
		l.rt.Fatalf("%v", err)
	}
}

// reads is the daemon at a profile that has changed: a bad one changes nothing.
func (l *life) reads(w written) {
	d, err := plist.Parse([]byte(w.plist()))
	l.must(err)
	p, problems := policy.FromDocument(d)
	if (p != nil) != w.good() {
		l.rt.Fatalf("%+v: %v", w, problems)
	}
	if p != nil {
		l.policy, l.model.profile = p, w
	}
}

// next waits for what is shown next, but for what is shown in passing.
func (l *life) next() {
	for l.end == nil {
		select {
		case said := <-l.told:
			switch said := said.(type) {
			case wire.Done:
				l.end = &said
			case wire.Screen:
				if l.screen = said; !said.Busy || strings.HasPrefix(said.Text, "Plug your security key") {
					return
				}
			}
		case <-time.After(20 * time.Second):
			l.rt.Fatalf("nothing more is shown after %+v", l.screen)
		}
	}
}

func (l *life) act(action, choice string, values map[string]string) {
	if choice == online.KindKey || choice == offlinekey.Kind {
		l.must(l.key.PutIn())
		defer func() { l.must(l.key.Pull()) }()
	}
	if !l.talk.Act(context.Background(), wire.Act{Seq: l.screen.Seq, Action: action, Choice: choice, Values: values}) {
		l.rt.Fatalf("%s was not taken on %+v", action, l.screen)
	}
	l.next()
}

// login is one login, with what ada does drawn from what she sees.
func (l *life) login() {
	now, err := l.keeper.Observe()
	l.must(err)
	l.end, l.approves = nil, false
	for len(l.told) > 0 {
		<-l.told
	}
	l.talk, err = l.sessions.Begin(context.Background(), ada.UID, l)
	l.must(err)
	defer l.talk.End()
	l.next()
	if !l.model.profile.needed() {
		l.exempt()
		return
	}
	if l.model.first.IsZero() {
		l.model.first = now.Time
	}
	if l.screen.Kind != wire.KindChoose && l.screen.Kind != wire.KindGrace && l.screen.Kind != wire.KindLocked {
		l.act(wire.ActionAnother, "", nil) // it began with the only way that there is
	}
	l.sees(now)
	l.does(now)
}

func (l *life) exempt() {
	if l.end == nil || len(l.end.Ticket) != 0 {
		l.rt.Fatalf("ada needs no factor, and sees %+v, %+v", l.screen, l.end)
	}
	l.gate(true)
}

// sees compares the list with the model's.
func (l *life) sees(now trustedtime.Reading) {
	kind, want := l.model.home(now, l.network)
	var got []way
	for _, c := range l.screen.Choices {
		got = append(got, way{c.ID, c.Enabled})
		if c.Enabled == (c.Reason != "") {
			l.rt.Fatalf("%+v", c)
		}
	}
	if l.end != nil || string(l.screen.Kind) != kind || !slices.Equal(got, want) {
		l.rt.Fatalf("ada sees %s %v, and by the key table %s %v\n%+v at %+v, network %v", l.screen.Kind, got, kind, want, l.model, now, l.network)
	}
	if left := l.model.grace(now); kind == "grace" && left > 2*time.Hour && left%(24*time.Hour) != 0 {
		if text := fmt.Sprintf("another %d hours", (left+time.Hour-1)/time.Hour); !strings.Contains(l.screen.Text, text) {
			l.rt.Fatalf("%q does not say %q", l.screen.Text, text)
		}
	}
}

// does takes one of the ways, or leaves.
func (l *life) does(now trustedtime.Reading) {
	open := []string{"leave"}
	for _, c := range l.screen.Choices {
		if c.Enabled {
			open = append(open, c.ID, c.ID)
		}
	}
	if l.screen.Kind == wire.KindGrace {
		open = append(open, "skip")
	}
	grace := l.screen.Kind == wire.KindGrace
	switch chosen := rapid.SampledFrom(open).Draw(l.rt, "way"); chosen {
	case "leave":
		l.act(wire.ActionBack, "", nil)
		l.gate(false)
	case "skip":
		l.act(wire.ActionSkip, "", nil)
		l.gate(true)
	case "OV_Push", "OV_TOTP", "FIDO2_USB_key", "link":
		l.online(now, chosen)
	case "Offline_TOTP":
		l.act(wire.ActionSubmit, chosen, nil)
		l.code()
		if grace {
			l.enrolled(now, chosen)
		}
		l.gate(true)
	case "Offline_Security_key":
		l.act(wire.ActionSubmit, chosen, nil)
		if grace {
			l.enrolled(now, chosen)
		}
		l.gate(true)
	}
}

func (l *life) online(now trustedtime.Reading, chosen string) {
	l.approves = true
	l.act(wire.ActionSubmit, chosen, nil)
	if chosen == "link" {
		l.act(wire.ActionSubmit, "", map[string]string{"login": "ada@acme.example"})
	}
	if chosen == "OV_TOTP" {
		l.act(wire.ActionSubmit, "", map[string]string{"code": "123456"})
	}
	offered := l.model.offered(now)
	l.model.onlines, l.model.linked, l.model.ever = append(l.model.onlines, now.Time), true, true
	later := slices.ContainsFunc(l.screen.Actions, func(a wire.Action) bool { return a.ID == wire.ActionSkip })
	note := chosen == "link" // what was done is said, with or without an offer
	switch {
	case offered == "" && !note:
		if l.end == nil {
			l.rt.Fatalf("after %s: %+v, %+v", chosen, l.screen, l.model)
		}
		l.gate(true)
		return
	case l.end != nil || len(l.screen.Choices) > 0 != (offered != "") || later != (offered != "must"):
		l.rt.Fatalf("after %s something %q be set up: %+v, %+v", chosen, offered, l.screen, l.model)
	}
	l.answersOffer(now, offered)
}

func (l *life) answersOffer(now trustedtime.Reading, offered string) {
	takes := rapid.Bool().Draw(l.rt, "sets up")
	switch {
	case offered != "" && takes:
		chosen := rapid.SampledFrom(l.screen.Choices).Draw(l.rt, "what").ID
		l.act(wire.ActionSubmit, chosen, nil)
		if chosen == "Offline_TOTP" {
			l.code()
		}
		l.enrolled(now, chosen)
		l.gate(true)
	case offered == "must":
		l.act(wire.ActionBack, "", nil)
		l.gate(false)
	default:
		l.act(wire.ActionSkip, "", nil)
		l.gate(true)
	}
}

// code types what the phone shows, after scanning a QR code that is there.
func (l *life) code() {
	if address, err := url.Parse(l.screen.QR); l.screen.QR != "" {
		l.must(err)
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(address.Query().Get("secret"))
		l.must(err)
		l.phone, err = totp.KeyFrom(raw)
		l.must(err)
	}
	l.act(wire.ActionSubmit, "", map[string]string{"code": l.phone.Code(totp.Step(l.keeper.Now().Time))})
}

func (l *life) enrolled(now trustedtime.Reading, what string) {
	if l.model.enrolled.IsZero() && len(l.model.onlines) == 0 {
		l.model.enrolled = now.Time
	}
	l.model.ever = true
	if what == "Offline_TOTP" {
		l.model.phones++
	} else {
		l.model.keys++
	}
}

// gate wants the login to be decided so.
func (l *life) gate(allow bool) {
	if l.end == nil {
		l.rt.Fatalf("the conversation goes on: %+v", l.screen)
	}
	if d := l.sessions.Decide(context.Background(), ada.UID, l.end.Ticket); d.Allow != allow {
		l.rt.Fatalf("the gate says %+v, want %v\n%+v", d, allow, l.model)
	}
	l.sessions.Wait()
}

// passes is what happens between logins.
func (l *life) passes() {
	l.clock.Run(rapid.SampledFrom([]time.Duration{2 * time.Minute, 7 * time.Hour, 47 * time.Hour, 6 * 24 * time.Hour, 20 * 24 * time.Hour}).Draw(l.rt, "time"))
	switch rapid.IntRange(0, 9).Draw(l.rt, "event") {
	case 0:
		l.network = !l.network
	case 1:
		l.clock.Reboot()
		l.starts()
	case 2:
		l.clock.SetWall(rapid.SampledFrom([]time.Duration{-400 * 24 * time.Hour, -time.Hour, 10 * time.Second, 3 * time.Hour, 100 * 24 * time.Hour}).Draw(l.rt, "jump"))
	case 3, 4:
		if l.network { // a check-in
			l.must(l.keeper.Anchor(l.keeper.Now().Time, l.clock.Continuous(), l.clock.Continuous()))
			l.must(l.sessions.Anchored())
			l.model.corrected(l.keeper.Now().Time)
		}
	case 5, 6:
		l.reads(drawProfile(l.rt))
	case 7:
		l.resets()
	}
	_, err := l.keeper.Observe()
	l.must(err)
}

// resets is Reset authenticators.
func (l *life) resets() {
	_, err := l.codes.Remove(ada.GUID, "", "reset")
	_, linkErr := l.links.Remove(ada.GUID, "reset")
	_, keyErr := l.keys.RemoveUpTo(ada.GUID, time.Unix(1<<40, 0), "reset")
	l.must(errors.Join(err, linkErr, keyErr))
	l.model.phones, l.model.keys, l.model.linked = 0, 0, false
}

func drawProfile(rt *rapid.T) written {
	names := rapid.SampledFrom([][]string{{"*"}, {"*"}, {"*"}, {"ada"}, {"Ada"}, {"kim", "ada"}, {}})
	return written{
		grace:          rapid.SampledFrom([]float64{0, 0.5, 48, 48, 1000}).Draw(rt, "grace"),
		offline:        rapid.SampledFrom([]float64{0, 24, 168, 168, 2000}).Draw(rt, "offline"),
		offlineAllowed: rapid.IntRange(0, 3).Draw(rt, "offline allowed") > 0,
		allowed: rapid.SampledFrom([][]string{{"*"}, {"*"}, {"OV_Push", "Offline_TOTP"}, {"Offline_TOTP", "OV_TOTP", "OV_Push"}, {"Offline_TOTP"},
			{"OV_TOTP"}, {"OV_push", "Offline_TOTP"}, {"ov_totp"}, {"FIDO2_USB_key", "Offline_Security_key"}, {"Offline_Security_key", "OV_Push"}, {"FIDO2_USB_Key"}}).Draw(rt, "allowed"),
		required: names.Draw(rt, "required"),
		spare:    rapid.SampledFrom([][]string{nil, nil, nil, {"ada"}, {"ADA"}, {"*"}}).Draw(rt, "spare"),
	}
}

// TestMonths walks months of logins, stretches without a network, other
// profiles, reboots and clocks that jump, and holds each screen and each
// decision against the model.
func TestMonths(t *testing.T) {
	seen := map[string]int{}
	for range 2 {
		rapid.Check(t, func(rt *rapid.T) {
			l := begin(rt)
			for range rapid.IntRange(5, 25).Draw(rt, "logins") {
				l.login()
				seen[string(l.screen.Kind)]++
				if l.model.linked && l.model.phones > 0 {
					seen["linked and enrolled"]++
				}
				if l.model.keys > 0 {
					seen["a key"]++
				}
				l.passes()
			}
		})
	}
	for _, kind := range []string{"choose", "grace", "locked", "notice", "linked and enrolled", "a key"} {
		if seen[kind] < 20 {
			t.Errorf("%s was met %d times: the walk does not reach it", kind, seen[kind])
		}
	}
}
