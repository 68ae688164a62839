package service

import (
	"context"
	"errors"
	"os"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/online"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/directauth"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// life is ada's Mac over months: the real parts but for the org, which answers
// as ada's phone does, and the store, which is in memory.
type life struct {
	rt       *rapid.T
	clock    *clocktest.Clock
	keeper   *trustedtime.Keeper
	codes    *accesscode.AccessCode
	keys     *offlinekey.OfflineKey
	links    *linking.Links
	sessions *session.Manager
	policy   *policy.Policy
	phone    totp.Key
	network  bool
	approves bool
	model    model

	talk    *session.Conversation
	told    chan any // wire.Screen and wire.Done
	screen  wire.Screen
	end     *wire.Done
	records *storetest.Memory

	ports hid.Lister
	key   *softkey.Key // in ada's pocket, but for when she uses it
	atOrg []byte       // its credential there
}

func (l *life) Lookup(context.Context, uint32) (factor.Account, error) { return ada, nil }
func (l *life) Rules(a factor.Account) (login.Rules, error)            { return rulesOf(l.policy, a.Name), nil }
func (l *life) AllowUnavailable() bool                                 { return false }
func (l *life) PINDuration() time.Duration                             { return time.Hour }
func (l *life) RecoveryOn() bool                                       { return false }
func (l *life) EndWindowOnEnrol() bool                                 { return true }
func (l *life) Register(string) error                                  { return nil }
func (l *life) FactorSucceeded(string) error                           { return nil }
func (l *life) EndWindow(string, string) error                         { return nil }
func (l *life) Window(string, time.Duration) (time.Duration, time.Time, error) {
	return 0, time.Time{}, nil
}
func (l *life) Show(s wire.Screen) error                      { l.told <- s; return nil }
func (l *life) Done(d wire.Done) error                        { l.told <- d; return nil }
func (l *life) Client(context.Context) (online.Client, error) { return l, nil }
func (l *life) Failed(error)                                  {}
func (l *life) Standing() (bool, string) {
	if !l.network {
		return false, "offline"
	}
	return true, ""
}
func (l *life) Push(context.Context, string) (directauth.OOB, error) {
	return directauth.OOB{Code: "x", Binding: directauth.BindingNone}, nil
}
func (l *life) Await(context.Context, directauth.OOB) (directauth.Tokens, error) {
	if !l.approves {
		return directauth.Tokens{}, directauth.ErrDenied
	}
	return directauth.Tokens{Claims: directauth.Claims{Subject: "00u1", PreferredUsername: "ada@acme.example"}}, nil
}
func (l *life) OTP(ctx context.Context, _, _ string) (directauth.Tokens, error) {
	return l.Await(ctx, directauth.OOB{})
}
func (l *life) WebAuthn(context.Context, string) (directauth.WebAuthnChallenge, error) {
	return directauth.WebAuthnChallenge{Challenge: []byte("x"), RPID: "acme.example", CredentialIDs: [][]byte{l.atOrg}}, nil
}
func (l *life) AnswerWebAuthn(ctx context.Context, _ directauth.WebAuthnChallenge, _ directauth.Assertion) (directauth.Tokens, error) {
	return l.Await(ctx, directauth.OOB{})
}

func begin(rt *rapid.T) *life {
	l := &life{rt: rt, clock: clocktest.New(), network: true, told: make(chan any, 64), records: storetest.With(map[string][]byte{})}
	l.reads(written{grace: 48, offline: 168, offlineAllowed: true, allowed: []string{"*"}, required: []string{"*"}})
	l.buysKey()
	l.starts()
	return l
}

// buysKey gets ada a key, and registers it at the org.
func (l *life) buysKey() {
	dir, err := os.MkdirTemp("", "lk")
	l.must(err)
	l.rt.Cleanup(func() { os.RemoveAll(dir) })
	l.key, err = softkey.Plug(dir, "a", softkey.Options{})
	l.must(err)
	l.rt.Cleanup(func() { _ = l.key.Close() })
	l.ports = hid.Folder(dir)
	list, err := l.ports.Ports(context.Background())
	l.must(err)
	channel, err := l.ports.Open(context.Background(), list[0])
	l.must(err)
	key, err := ctap.Open(context.Background(), channel)
	l.must(err)
	made, err := key.MakeCredential(context.Background(), ctap.NewCredential{RPID: "acme.example", UserID: []byte("1"), UserName: "ada", Algorithms: []int{-7}}, nil)
	l.must(errors.Join(err, key.Close(), l.key.Pull()))
	l.atOrg = made.ID
}

// starts is the daemon, after a boot or in the same.
func (l *life) starts() {
	keeper, err := trustedtime.Open(l.clock, l.records)
	l.must(err)
	journal, err := events.Open(l.records, keeper)
	l.must(err)
	l.keeper = keeper
	l.codes = accesscode.New(l.records, journal, keeper, func() string { return "Mac" }, func() string { return "acme.example" })
	l.must(l.codes.EnterBoot())
	l.links = linking.New(l.records, journal, keeper)
	keys := &securitykey.Keys{Ports: l.ports, Report: func(doing string, err error) { rtFatal(l.rt, doing, err) }}
	l.keys = &offlinekey.OfflineKey{Records: l.records, Journal: journal, Time: keeper, Keys: keys, Org: func() string { return "acme.example" }}
	org := &online.Factors{Org: l, Links: l.links, Journal: journal, Mac: func() string { return "Mac" }, Number: func() bool { return false },
		Linking: func() (string, string) { return "OV_Push", "" }, Report: func(string, error) {},
		Keys: keys, Origin: func(string) (string, bool) { return "https://acme.example", true }}
	l.sessions = &session.Manager{Directory: l, Policy: l, Recovery: l, Org: l, Records: l.records, Journal: journal, Time: keeper, KillSwitch: func() bool { return false },
		Factors: []factor.Registered{
			{Kind: online.KindPush, Label: online.LabelPush, Online: true, Factor: org.Push()},
			{Kind: online.KindCode, Label: online.LabelCode, Online: true, Factor: org.Code()},
			{Kind: accesscode.Kind, Label: accesscode.Label, Factor: l.codes, Enrol: l.codes},
			{Kind: online.KindKey, Label: online.LabelKey, Online: true, Factor: org.Key()},
			{Kind: offlinekey.Kind, Label: offlinekey.Label, Factor: l.keys, Enrol: l.keys}},
		Linker: org.Linker(), Look: func(context.Context) {}, Deadline: l.clock.Deadline,
		Report: func(doing string, err error) { rtFatal(l.rt, doing, err) }, Kick: func() {}, Exempted: func(factor.Account) {}}
}
