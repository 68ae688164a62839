package securitykey_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const site = "acme.example"

// person has keys in a pocket, and a Mac with ports.
type person struct {
	t   *testing.T
	dir string
	*securitykey.Keys
	use        securitykey.Use
	credential []byte // of the key that is set up
	signed     ctap.Assertion
	verified   bool

	mu      sync.Mutex
	does    []func() wire.Act // on screens that wait, in turn
	seen    []wire.Screen
	onShow  func(wire.Screen)
	refused []string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	// A socket's path has room for some hundred bytes.
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &person{t: t, dir: dir, onShow: func(wire.Screen) {}}
	p.Keys = &securitykey.Keys{Ports: hid.Folder(dir), Report: func(doing string, err error) { t.Logf("reported: %s: %v", doing, err) }}
	p.use = securitykey.Use{RPID: site, Verify: securitykey.Preferred, Permission: ctap.PermitGetAssertion, Touch: "Use your key", Again: "Not done", Do: p.sign,
		Refused: func(reason string) error { p.refused = append(p.refused, reason); return nil }}
	return p
}

func (p *person) sign(ctx context.Context, key *ctap.Key, with securitykey.With) (err error) {
	p.verified = with.Verified
	p.signed, err = key.GetAssertion(ctx, ctap.Wanted{RPID: site, ClientDataHash: sha256.Sum256([]byte("data")), Allow: [][]byte{p.credential}, Token: with.Token, UV: with.UV}, nil)
	return err
}

// buys plugs a key in that is set up for this person.
func (p *person) buys(name string, o softkey.Options) *softkey.Key {
	p.t.Helper()
	pin := o.PIN
	o.PIN, o.NoCBOR = "", false
	k := p.plugs(name, o)
	channel, err := p.Ports.Open(p.t.Context(), hid.Port{Name: name + ".sock"})
	p.ok(err)
	key, err := ctap.Open(p.t.Context(), channel)
	p.ok(err)
	made, err := key.MakeCredential(p.t.Context(), ctap.NewCredential{RPID: site, RPName: site, UserID: []byte("1"), UserName: "ada", Algorithms: []int{-7}, UV: o.Fingerprint}, nil)
	p.ok(err)
	p.ok(key.Close())
	p.credential = made.ID
	if pin != "" {
		k.SetPIN(pin)
	}
	return k
}

func (p *person) plugs(name string, o softkey.Options) *softkey.Key {
	p.t.Helper()
	k, err := softkey.Plug(p.dir, name, o)
	p.ok(err)
	p.t.Cleanup(func() { _ = k.Close() })
	return k
}

func (p *person) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

var errGone = errors.New("the person has gone")

func (p *person) ask(ctx context.Context, s wire.Screen) (wire.Act, error) {
	p.seen = append(p.seen, s)
	p.onShow(s)
	if len(s.Actions) == 0 {
		return wire.Act{}, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.does) == 0 {
		return wire.Act{}, errGone
	}
	do := p.does[0]
	p.does = p.does[1:]
	return do(), nil
}

// types answers a screen with a PIN.
func types(pin string) func() wire.Act {
	return func() wire.Act {
		return wire.Act{Action: wire.ActionSubmit, Values: map[string]string{"pin": pin}}
	}
}

// again presses Try again, after doing something.
func again(first ...func()) func() wire.Act {
	return func() wire.Act {
		for _, do := range first {
			do()
		}
		return wire.Act{Action: wire.ActionRetry}
	}
}

// saw is what the screens said, a line each.
func (p *person) saw() string {
	var out []string
	for _, s := range p.seen {
		line := s.Title + ": " + s.Text
		if s.Note != nil {
			line += " [" + s.Note.Text + "]"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// run asks for a key, with patience for what a broken one can do.
func (p *person) run() error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	return p.Run(ctx, p.ask, p.use)
}

// done wants the key to have signed, after those refusals, and these words on
// the way.
func (p *person) done(refused []string, words ...string) {
	p.t.Helper()
	if err := p.run(); err != nil || len(p.signed.Signature) == 0 {
		p.t.Fatalf("%v; screens:\n%s", err, p.saw())
	}
	if !slices.Equal(p.refused, refused) {
		p.t.Errorf("events %q, want %q", p.refused, refused)
	}
	rest := p.saw()
	for _, w := range words {
		_, after, found := strings.Cut(rest, w)
		if !found {
			p.t.Fatalf("%q is not on the screens, or too early:\n%s", w, p.saw())
		}
		rest = after
	}
}

// soon waits for what another goroutine brings about.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	looks := time.NewTicker(5 * time.Millisecond)
	defer looks.Stop()
	late := time.After(10 * time.Second)
	for !is() {
		select {
		case <-looks.C:
		case <-late:
			t.Error(fmt.Sprint("never: ", what))
			return
		}
	}
}
