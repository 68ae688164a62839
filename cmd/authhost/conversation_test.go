package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/authhost/script"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// desk stands for the daemon: it enrols a code, then asks for a PIN, and lets
// in whoever brings the ticket of that conversation.
type desk struct {
	mu     sync.Mutex
	ticket []byte
	key    totp.Key
	acts   []wire.Act
}

func (d *desk) screens() []wire.Screen {
	back := wire.Action{ID: wire.ActionBack, Label: "Back to the password", Role: wire.RoleCancel}
	do := func(label string) []wire.Action {
		return []wire.Action{{ID: wire.ActionSubmit, Label: label, Role: wire.RoleDefault}, back}
	}
	return []wire.Screen{
		{Kind: wire.KindEnrol, Title: "Set up your device access code", Text: "Scan the code, then type the six digits.", QR: d.key.URI("Latchkey", "Mac of Anna"),
			Facts:  []wire.Fact{{Label: "Key", Value: d.key.Text()}},
			Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "First code", Digits: 6}}, Actions: do("Finish")},
		{Kind: wire.KindContact, Title: "Contact your administrator", Text: "Call the help desk.",
			Facts:  []wire.Fact{{Label: "Device code", Value: "6393 4920"}},
			Fields: []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "Recovery PIN", Digits: 9}}, Actions: do("Sign in"), Deadline: time.Now().Add(15 * time.Minute)},
		{Kind: wire.KindNotice, Title: "You are signed in", Note: &wire.Note{Level: wire.LevelInfo, Text: "Recovery PIN accepted."}, Actions: do("Continue")[:1]},
	}
}

// Open begins a connection of the prompt or the gate.
func (d *desk) Open(_ context.Context, _ xipc.Peer, hello xipc.Hello, send func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return &visit{desk: d, send: send}, nil
}

type visit struct {
	desk *desk
	send func(string, wire.Dictionary) error
	at   int
}

func (v *visit) Closed() {}

func (v *visit) Request(_ context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	v.desk.mu.Lock()
	defer v.desk.mu.Unlock()
	switch name {
	case wire.MsgBegin:
		if body["uid"] != uint64(501) {
			return nil, xipc.Failure{Code: "user", Message: fmt.Sprintf("uid %v", body["uid"])}
		}
		return wire.Dictionary{}, v.show()
	case wire.MsgAct:
		act, err := wire.ActFrom(body)
		if err != nil {
			return nil, err
		}
		v.desk.acts = append(v.desk.acts, act)
		v.at++
		return wire.Dictionary{"ok": true}, v.show()
	case wire.MsgDecide:
		question, err := wire.DecideFrom(body)
		if err != nil {
			return nil, err
		}
		allow := question.UID == 501 && len(v.desk.ticket) != 0 && bytes.Equal(question.Ticket, v.desk.ticket)
		v.desk.ticket = nil
		return wire.Decision{Allow: allow, Reason: "test"}.Dictionary(), nil
	}
	return nil, xipc.Failure{Code: "unknown", Message: name}
}

// show sends the screen that is due, or the ticket behind the last one.
func (v *visit) show() error {
	all := v.desk.screens()
	if v.at < len(all) {
		all[v.at].Seq = uint64(v.at + 1)
		return v.send(wire.MsgScreen, all[v.at].Dictionary())
	}
	v.desk.ticket = make([]byte, wire.TicketSize)
	_, _ = rand.Read(v.desk.ticket)
	return v.send(wire.MsgDone, wire.Done{Result: wire.ResultContinue, Ticket: v.desk.ticket}.Dictionary())
}

const story = `
size 100x30
wait-for "Log in to Mac of Anna"
type "aexample"
key enter
type "correct horse"
key enter
wait-for "Set up your device access code" 30s
capture SECRET /Key +((?:[A-Z2-7]{4} ?)+)/
screenshot "enrol.svg"
type-totp $SECRET
key enter
wait-for "Contact your administrator"
expect "Device code 6393 4920"
expect /Time left 1[45]:/
type "539 902 792"
expect "539 902 792"
key enter
wait-for "Recovery PIN accepted"
absent "539"
key enter
outcome login
`

func TestAConversationThroughOurPlugin(t *testing.T) {
	programs, err := build(t)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the host and the plug-ins cannot be built: %v", err)
	}
	key, err := totp.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{key: key}
	d.serve(t, programs)
	data, err := os.ReadFile("../../internal/authhost/testdata/accounts.json")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := devaccounts.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	right, err := authhost.ConsoleRight().WithLatchkey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "story.lks")
	if err := os.WriteFile(path, []byte(story), 0o600); err != nil {
		t.Fatal(err)
	}
	played, err := script.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var transcript bytes.Buffer
	out, err := authhost.Run(t.Context(), authhost.Options{
		Right: right, Plugins: map[string]string{"Latchkey": filepath.Join(programs, "Latchkey.so")}, Host: filepath.Join(programs, "latchkey-host"),
		Accounts: accounts, Computer: "Mac of Anna", Env: append(os.Environ(), "LATCHKEY_SOCKETS="+programs, "LATCHKEY_FILES="+programs),
		Player: &script.Player{Script: played, Now: time.Now}, Width: played.Width, Height: played.Height, Transcript: &transcript,
	})
	if err != nil || out.Result != authhost.Allow || out.User != "anna" || out.UID != 501 || len(out.Faults) != 0 {
		t.Fatalf("%+v, %v\n%s", out, err, transcript.String())
	}
	if !strings.Contains(transcript.String(), "hints: dev.latchkey.ticket") {
		t.Error(transcript.String())
	}
	d.check(t, transcript.String())
}

func (d *desk) serve(t *testing.T, folder string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for _, role := range []string{wire.RolePrompt, wire.RoleGate} {
		listener, err := xipc.Listen(xipc.Service{Role: role, Path: filepath.Join(folder, role+".sock"), Mode: 0o666, GID: -1,
			Allow: func(xipc.Peer) bool { return true }, MaxPerUID: 4, Handler: d})
		if err != nil {
			t.Fatal(err)
		}
		serving.Go(func() { _ = listener.Serve(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		serving.Wait()
	})
}

// check that what was typed arrived, and appears nowhere else.
func (d *desk) check(t *testing.T, transcript string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.acts) != 3 || d.acts[1].Values["pin"] != "539902792" {
		t.Fatalf("%+v", d.acts)
	}
	if _, ok := d.key.Match(d.acts[0].Values["code"], time.Now(), 2, 0); !ok {
		t.Error("the code typed is not that of the key on the screen")
	}
	for _, secret := range []string{"539902792", "correct horse", d.acts[0].Values["code"]} {
		if strings.Contains(transcript, secret) {
			t.Errorf("the transcript holds what was typed:\n%s", transcript)
		}
	}
}
