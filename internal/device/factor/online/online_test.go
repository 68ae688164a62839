package online_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

var ada = factor.Account{GUID: "guid-ada", Name: "ada", FullName: "Ada Example", UID: 501}

// theOrg answers as a test wants it to. The real one is met in stories.
type theOrg struct {
	users   []string // whom it was asked about, in turn
	oob     directauth.OOB
	answers []answer // of Await and OTP, in turn
	failed  error    // what the Mac noted

	challenge directauth.WebAuthnChallenge
	failing   error // of asking for a challenge
	signed    []directauth.Assertion
}

type answer struct {
	who   directauth.Claims
	err   error
	after time.Duration
}

func (o *theOrg) Standing() (bool, string)                      { return o.failed == nil, "" }
func (o *theOrg) Client(context.Context) (online.Client, error) { return o, nil }
func (o *theOrg) Failed(err error)                              { o.failed = err }

func (o *theOrg) Push(_ context.Context, user string) (directauth.OOB, error) {
	o.users = append(o.users, user)
	return o.oob, nil
}

func (o *theOrg) Await(ctx context.Context, _ directauth.OOB) (directauth.Tokens, error) {
	return o.next(ctx)
}

func (o *theOrg) OTP(ctx context.Context, user, _ string) (directauth.Tokens, error) {
	o.users = append(o.users, user)
	return o.next(ctx)
}

func (o *theOrg) WebAuthn(_ context.Context, user string) (directauth.WebAuthnChallenge, error) {
	o.users = append(o.users, user)
	return o.challenge, o.failing
}
func (o *theOrg) AnswerWebAuthn(ctx context.Context, _ directauth.WebAuthnChallenge, a directauth.Assertion) (directauth.Tokens, error) {
	o.signed = append(o.signed, a)
	return o.next(ctx)
}
func (o *theOrg) next(ctx context.Context) (directauth.Tokens, error) {
	if len(o.answers) == 0 {
		<-ctx.Done()
		return directauth.Tokens{}, ctx.Err()
	}
	a := o.answers[0]
	o.answers = o.answers[1:]
	select {
	case <-time.After(a.after):
	case <-ctx.Done():
		return directauth.Tokens{}, ctx.Err()
	}
	return directauth.Tokens{Claims: a.who}, a.err
}

// mac is a Mac with one person at it, who does one thing a screen.
type mac struct {
	t        *testing.T
	org      *theOrg
	links    *linking.Links
	journal  *events.Journal
	kind     string // AccountLinkingMFAFactor
	assigned string
	number   bool
	reported []string
	does     []wire.Act // on screens that wait, in turn
	screens  []wire.Screen
	*online.Factors
}

func newMac(t *testing.T) *mac {
	m := &mac{t: t, org: &theOrg{oob: directauth.OOB{Code: "x", Binding: directauth.BindingTransfer, BindingCode: "42"}}, kind: online.KindPush}
	records := storetest.With(map[string][]byte{})
	keeper, err := trustedtime.Open(clocktest.New(), records)
	if err == nil {
		m.journal, err = events.Open(records, keeper)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.links = linking.New(records, m.journal, keeper)
	m.Factors = &online.Factors{Org: m.org, Links: m.links, Journal: m.journal, Mac: func() string { return "Ada's Mac" },
		Linking: func() (string, string) { return m.kind, m.assigned }, Number: func() bool { return m.number },
		Report: func(doing string, err error) { m.reported = append(m.reported, fmt.Sprint(doing, ": ", err)) }}
	return m
}

func (m *mac) linked() *mac {
	if err := m.links.Put(ada.GUID, "ada@acme.example", "00u1", online.KindPush, linking.ByName); err != nil {
		m.t.Fatal(err)
	}
	return m
}

var errGone = errors.New("the person has gone")

func (m *mac) ask(ctx context.Context, s wire.Screen) (wire.Act, error) {
	m.screens = append(m.screens, s)
	if len(s.Actions) == 0 {
		return wire.Act{}, ctx.Err()
	}
	if len(m.does) == 0 {
		return wire.Act{}, errGone
	}
	act := m.does[0]
	m.does = m.does[1:]
	return act, nil
}

func types(field, text string) wire.Act {
	return wire.Act{Action: wire.ActionSubmit, Values: map[string]string{field: text}}
}

func (m *mac) last() wire.Screen { return m.screens[len(m.screens)-1] }

// note is what the last screen, or the outcome, tells the person.
func (m *mac) note(o factor.Outcome) string {
	if o.Note != "" {
		return o.Note
	}
	if n := m.last().Note; n != nil {
		return n.Text
	}
	return ""
}

// refusals are the reasons of the events.
func (m *mac) refusals() (out []string) {
	list, err := m.journal.Pending(100)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range list {
		if strings.HasSuffix(e.Type, ".reject") {
			out = append(out, strings.TrimPrefix(e.Type, "device.desktop_mfa.")+" "+e.Detail["kind"]+" "+e.Detail["reason"]+" "+e.Detail["login"])
		}
	}
	return out
}

var herself = directauth.Claims{Subject: "00u1", PreferredUsername: "ada@acme.example"}

// TestWhatTheOrgSays: what each answer is to the person, and whether it lets
// them in.
func TestWhatTheOrgSays(t *testing.T) {
	unreachable := fmt.Errorf("poll: %w", &directauth.Unreachable{Kind: directauth.NoAnswer, Err: errors.New("reset")})
	for _, tt := range []struct {
		answer answer
		in     bool
		note   string
		event  string
	}{
		{answer{who: herself}, true, "", ""},
		{answer{who: directauth.Claims{Subject: "00u1"}}, true, "", ""},
		{answer{who: directauth.Claims{Subject: "00u2", PreferredUsername: "ada@acme.example"}}, false, "verified somebody else", "another_user"},
		{answer{who: directauth.Claims{PreferredUsername: "ada@acme.example"}}, false, "Contact your administrator", "no_subject"},
		{answer{err: directauth.ErrRateLimited}, false, "no more tries", "rate_limited"},
		{answer{err: directauth.ErrNotEnrolled}, false, "Sign in another way", "not_enrolled"},
		{answer{err: directauth.ErrNotAssigned}, false, "Sign in another way", "not_enrolled"},
		{answer{err: directauth.ErrClient}, false, "Contact your administrator", ""},
		{answer{err: directauth.ErrIDToken}, false, "Contact your administrator", ""},
		{answer{err: directauth.ErrAnswer}, false, "Contact your administrator", ""},
		{answer{err: &directauth.Error{Status: 400, Code: "teapot"}}, false, "Contact your administrator", ""},
		{answer{err: unreachable}, false, "cannot be reached", ""},
	} {
		for kind, run := range map[string]func(*mac) factor.Factor{online.KindPush: func(m *mac) factor.Factor { return m.Push() }, online.KindCode: func(m *mac) factor.Factor { return m.Code() }} {
			m := newMac(t).linked()
			m.org.answers, m.does = []answer{tt.answer}, []wire.Act{types("code", "123456")}
			outcome, err := run(m).Run(t.Context(), ada, m.ask)
			if err != nil || (outcome.Result == factor.Verified) != tt.in || !strings.Contains(m.note(outcome), tt.note) {
				t.Errorf("%s, %+v: %+v, %v", kind, tt.answer, outcome, err)
			}
			want := []string(nil)
			if tt.event != "" {
				want = []string{"factor.reject " + kind + " " + tt.event + " "}
			}
			if got := m.refusals(); !slices.Equal(got, want) {
				t.Errorf("%s, %+v: events %q, want %q", kind, tt.answer, got, want)
			}
			if !slices.Equal(m.org.users, []string{"ada@acme.example"}) {
				t.Errorf("%s asked about %q", kind, m.org.users)
			}
			if (m.org.failed != nil) != (tt.answer.err == unreachable) {
				t.Errorf("%s, %+v: the standing took note of %v", kind, tt.answer, m.org.failed)
			}
		}
	}
}

func TestAPushIsSentAgainOnlyWhenThePersonSaysSo(t *testing.T) {
	m := newMac(t).linked()
	m.org.answers = []answer{{err: directauth.ErrDenied}, {err: directauth.ErrExpired}, {who: herself}}
	m.does = []wire.Act{{Action: wire.ActionRetry}, {Action: wire.ActionRetry}}
	outcome, err := m.Push().Run(t.Context(), ada, m.ask)
	if err != nil || outcome.Result != factor.Verified {
		t.Fatal(outcome, err)
	}
	if got := m.refusals(); len(got) != 2 || !strings.Contains(got[0], "denied") || !strings.Contains(got[1], "expired") {
		t.Errorf("events %q", got)
	}
	m = newMac(t).linked()
	m.org.answers = []answer{{err: directauth.ErrDenied}}
	if _, err := m.Push().Run(t.Context(), ada, m.ask); !errors.Is(err, errGone) {
		t.Error(err)
	}
	if len(m.org.users) != 1 {
		t.Errorf("%d pushes", len(m.org.users))
	}
	if n := m.last().Note; n == nil || !strings.Contains(n.Text, "refused on the phone") {
		t.Errorf("note %+v", n)
	}
}

func TestTheNumberIsShown(t *testing.T) {
	m := newMac(t).linked()
	m.org.answers = []answer{{who: herself}}
	if _, err := m.Push().Run(t.Context(), ada, m.ask); err != nil {
		t.Fatal(err)
	}
	if s := m.last(); s.Number != "42" || !strings.Contains(s.Text, "Ada's Mac") {
		t.Errorf("screen %+v", s)
	}
	m = newMac(t).linked()
	m.org.oob.Binding, m.org.oob.BindingCode, m.number = directauth.BindingNone, "", true
	m.org.answers = []answer{{who: herself}}
	if o, err := m.Push().Run(t.Context(), ada, m.ask); err != nil || o.Result == factor.Verified || len(m.org.answers) != 1 {
		t.Errorf("a push without the number that the org asks for: %+v, %v", o, err)
	}
}

// TestASlowPush offers another way, and is heard to its end; a person who goes
// ends it at once.
func TestASlowPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMac(t).linked()
		m.org.answers = []answer{{who: herself, after: time.Minute}}
		o, err := m.Push().Run(t.Context(), ada, m.ask)
		if err != nil || o.Result != factor.Verified {
			t.Fatal(o, err)
		}
		if n := m.last().Note; n == nil || !strings.Contains(n.Text, "another way") {
			t.Errorf("after a while the screen is %+v", m.last())
		}
		ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
		defer leave()
		begun := time.Now()
		if _, err := m.Push().Run(ctx, ada, m.ask); err == nil || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestWrongCodes(t *testing.T) {
	m := newMac(t).linked()
	m.org.answers = []answer{{err: directauth.ErrInvalidCredentials}, {who: herself}}
	m.does = []wire.Act{types("code", "12"), types("code", "111111"), types("code", "222 222")}
	o, err := m.Code().Run(t.Context(), ada, m.ask)
	if err != nil || o.Result != factor.Verified || len(m.org.users) != 2 {
		t.Fatalf("%+v, %v, asked %d times", o, err, len(m.org.users))
	}
	if got := m.refusals(); len(got) != 1 {
		t.Errorf("events %q: what is no code is no attempt", got)
	}
}

func TestReady(t *testing.T) {
	m := newMac(t)
	if has, _ := m.Push().Ready(t.Context(), ada); has {
		t.Error("an account that is linked to nobody has a push")
	}
	if linked, reason := m.Linker().Ready(t.Context(), ada); linked || reason != "" {
		t.Error(linked, reason)
	}
	m.linked()
	if has, reason := m.Code().Ready(t.Context(), ada); !has || reason != "" {
		t.Error(has, reason)
	}
}
