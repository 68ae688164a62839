package mechanism

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// person looks at each screen and acts on it.
type person struct {
	mu     sync.Mutex
	seen   []wire.Screen
	closed bool
	acts   chan wire.Act
	act    func(p *person, s wire.Screen)
}

func newPerson(act func(p *person, s wire.Screen)) *person {
	return &person{acts: make(chan wire.Act, 9), act: act}
}

func (p *person) Show(s wire.Screen) {
	p.mu.Lock()
	p.seen = append(p.seen, s)
	p.mu.Unlock()
	p.act(p, s)
}

func (p *person) Acts() <-chan wire.Act { return p.acts }

func (p *person) Close() error {
	p.closed = true
	return nil
}

// presses submits whatever is shown.
func presses(p *person, s wire.Screen) { p.acts <- wire.Act{Seq: s.Seq, Action: wire.ActionSubmit} }

func prompt(dir string, p *person) Prompt {
	return Prompt{Socket: in(dir, "prompt.sock"), ContactFile: in(dir, "contact.json"), Locales: []string{"de-AT"}, Words: words.For(nil),
		Patience: PromptPatience{Absent: 300 * time.Millisecond, Request: 2 * time.Second, Notice: patient, Idle: patient},
		Open: func() (panel.Panel, error) {
			if p == nil {
				return nil, errors.New("no screen here")
			}
			return p, nil
		},
		Alive: func(time.Duration) {}}
}

var aTicket = bytes.Repeat([]byte{9}, wire.TicketSize)

func screen(seq uint64) wire.Dictionary {
	return wire.Screen{Seq: seq, Kind: wire.KindCode, Title: "Code", Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode}}}.Dictionary()
}

func TestAConversation(t *testing.T) {
	dir := shortFolder(t)
	var begun wire.Dictionary
	var acts []wire.Act
	start(t, wire.RolePrompt, in(dir, "prompt.sock"), func(send sender, name string, body wire.Dictionary) (wire.Dictionary, error) {
		switch name {
		case wire.MsgBegin:
			begun = body
			return nil, send(wire.MsgScreen, screen(1))
		case wire.MsgAct:
			act, err := wire.ActFrom(body)
			if err != nil {
				return nil, err
			}
			if acts = append(acts, act); len(acts) == 1 {
				return nil, errors.Join(send(wire.MsgScreen, screen(2)), xipc.Failure{Code: "bounds", Message: "again"})
			}
			if len(acts) == 2 {
				return wire.Dictionary{"ok": false}, send(wire.MsgScreen, screen(3))
			}
			return wire.Dictionary{"ok": true}, errors.Join(send("tomorrow", nil), send(wire.MsgDone, wire.Done{Result: wire.ResultContinue, Ticket: aTicket}.Dictionary()))
		}
		return nil, errors.New("unexpected request")
	})
	who := newPerson(func(p *person, s wire.Screen) {
		p.acts <- wire.Act{Seq: s.Seq, Action: wire.ActionSubmit, Values: map[string]string{"code": "123456"}}
	})
	got := prompt(dir, who).Converse(t.Context(), someone)
	if !got.Allow || !bytes.Equal(got.Ticket, aTicket) {
		t.Errorf("got %+v", got)
	}
	if begun["uid"] != uint64(someone) {
		t.Errorf("begun with %v", begun)
	}
	if len(acts) != 3 || acts[0].Seq != 1 || acts[2].Seq != 3 || acts[2].Values["code"] != "123456" {
		t.Errorf("acts were %+v", acts)
	}
	if !who.closed {
		t.Error("the panel stays open")
	}
}

func TestHowConversationsEnd(t *testing.T) {
	done := func(d wire.Dictionary) func(sender, string, wire.Dictionary) (wire.Dictionary, error) {
		return func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
			return nil, send(wire.MsgDone, d)
		}
	}
	cases := []struct {
		name   string
		answer func(sender, string, wire.Dictionary) (wire.Dictionary, error)
		want   Outcome
		seen   int // screens that the person saw
	}{
		{"exempt", done(wire.Done{Result: wire.ResultContinue, Ticket: aTicket}.Dictionary()), Outcome{true, aTicket}, 0},
		{"without a ticket", done(wire.Done{Result: wire.ResultContinue}.Dictionary()), Outcome{Allow: true}, 0},
		{"back", done(wire.Done{Result: wire.ResultBack}.Dictionary()), Outcome{}, 0},
		{"back with a ticket", done(wire.Done{Result: wire.ResultBack, Ticket: aTicket}.Dictionary()), Outcome{}, 0},
		{"a word that nobody knows", done(wire.Dictionary{"result": "allow", "ticket": aTicket}), Outcome{}, 0},
		{"a short ticket", done(wire.Dictionary{"result": "continue", "ticket": aTicket[:3]}), toGate, 1},
		{"a screen that cannot be read", func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
			return nil, send(wire.MsgScreen, wire.Dictionary{"seq": "one"})
		}, toGate, 1},
		{"refused", func(sender, string, wire.Dictionary) (wire.Dictionary, error) { return nil, errors.New("no store") }, toGate, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := shortFolder(t)
			start(t, wire.RolePrompt, in(dir, "prompt.sock"), c.answer)
			who := newPerson(presses)
			got := prompt(dir, who).Converse(t.Context(), someone)
			if got.Allow != c.want.Allow || !bytes.Equal(got.Ticket, c.want.Ticket) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if len(who.seen) != c.seen {
				t.Errorf("saw %d screens, want %d", len(who.seen), c.seen)
			}
		})
	}
}

func TestADaemonThatDiesInTheMiddle(t *testing.T) {
	dir := shortFolder(t)
	var stop func()
	stop = start(t, wire.RolePrompt, in(dir, "prompt.sock"), func(send sender, name string, _ wire.Dictionary) (wire.Dictionary, error) {
		if name == wire.MsgAct {
			go stop()
			return nil, nil
		}
		return nil, send(wire.MsgScreen, screen(41))
	})
	who := newPerson(func(p *person, s wire.Screen) {
		p.acts <- wire.Act{Seq: 41, Action: wire.ActionSubmit} // on the notice, too: pressed for the screen before
		if s.Kind == wire.KindNotice {
			p.acts <- wire.Act{Seq: s.Seq, Action: wire.ActionSubmit}
		}
	})
	if got := prompt(dir, who).Converse(t.Context(), someone); !got.Allow || got.Ticket != nil {
		t.Errorf("got %+v", got)
	}
	if len(who.seen) != 2 || who.seen[1].Kind != wire.KindNotice || who.seen[1].Seq <= 41 {
		t.Errorf("saw %+v", who.seen)
	}
	if len(who.acts) != 0 {
		t.Error("the act on the screen before ended the notice")
	}
}

func TestWhatIsShownWithoutADaemon(t *testing.T) {
	dir := shortFolder(t)
	write(t, in(dir, "contact.json"), `{"v":1,"name":"mac-042","serial":"C02AB","admin_email":"help@example.com","admin_phone":"+43 1 234"}`, 0o644)
	who := newPerson(presses)
	if got := prompt(dir, who).Converse(t.Context(), someone); !got.Allow || got.Ticket != nil {
		t.Errorf("got %+v", got)
	}
	s := who.seen[0]
	var values []string
	for _, f := range s.Facts {
		values = append(values, f.Value)
	}
	if !slices.Equal(values, []string{"help@example.com", "+43 1 234", "mac-042", "C02AB"}) || s.Facts[3].Spoken != "C 0 2 A B" {
		t.Errorf("facts are %+v", s.Facts)
	}
	if len(s.Actions) != 1 || s.Actions[0].Role != wire.RoleDefault || s.Kind != wire.KindNotice {
		t.Errorf("the screen is %+v", s)
	}
	if _, err := wire.ScreenFrom(s.Dictionary()); err != nil {
		t.Errorf("no panel could draw it: %v", err)
	}
}

func TestAContactFileThatCannotBeTrusted(t *testing.T) {
	dir := shortFolder(t)
	write(t, in(dir, "contact.json"), `{"v":1,"admin_phone":"call the attacker"}`, 0o666)
	who := newPerson(presses)
	prompt(dir, who).Converse(t.Context(), someone)
	if len(who.seen) != 1 || len(who.seen[0].Facts) != 0 {
		t.Errorf("saw %+v", who.seen)
	}
}

func TestADaemonThatStarts(t *testing.T) {
	dir := shortFolder(t)
	p := prompt(dir, newPerson(presses))
	p.Patience.Absent = patient
	got := make(chan Outcome, 1)
	go func() { got <- p.Converse(t.Context(), someone) }()
	<-time.After(2 * dialPause) // it has found nobody at least once
	start(t, wire.RolePrompt, p.Socket, func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
		return nil, send(wire.MsgDone, wire.Done{Result: wire.ResultContinue, Ticket: aTicket}.Dictionary())
	})
	if o := <-got; !bytes.Equal(o.Ticket, aTicket) {
		t.Errorf("got %+v", o)
	}
}

func TestWithoutAPanel(t *testing.T) {
	dir := shortFolder(t)
	start(t, wire.RolePrompt, in(dir, "prompt.sock"), func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
		return nil, send(wire.MsgScreen, screen(1))
	})
	if got := prompt(dir, nil).Converse(t.Context(), someone); !got.Allow || got.Ticket != nil {
		t.Errorf("got %+v", got)
	}
	if got := prompt(shortFolder(t), nil).Converse(t.Context(), someone); !got.Allow || got.Ticket != nil {
		t.Errorf("without a daemon, too: got %+v", got)
	}
}

func TestAPanelThatGoesAway(t *testing.T) {
	dir := shortFolder(t)
	start(t, wire.RolePrompt, in(dir, "prompt.sock"), func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
		return nil, send(wire.MsgScreen, screen(1))
	})
	who := newPerson(func(p *person, _ wire.Screen) { close(p.acts) })
	if got := prompt(dir, who).Converse(t.Context(), someone); !got.Allow || got.Ticket != nil {
		t.Errorf("got %+v", got)
	}
}

func TestNobodyWaitsAnyLonger(t *testing.T) {
	dir := shortFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	start(t, wire.RolePrompt, in(dir, "prompt.sock"), func(send sender, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
		return nil, send(wire.MsgScreen, screen(1))
	})
	who := newPerson(func(*person, wire.Screen) { cancel() })
	if got := prompt(dir, who).Converse(ctx, someone); got.Allow {
		t.Errorf("got %+v", got)
	}
	if !who.closed {
		t.Error("the panel stays open")
	}
}

func TestAHungDaemon(t *testing.T) {
	dir := shortFolder(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: in(dir, "prompt.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	who := newPerson(presses)
	if got := prompt(dir, who).Converse(t.Context(), someone); !got.Allow || len(who.seen) != 1 {
		t.Errorf("got %+v after %d screens", got, len(who.seen))
	}
}

func TestAPersonWhoLeaves(t *testing.T) {
	p := prompt(shortFolder(t), newPerson(func(*person, wire.Screen) {}))
	p.Patience.Notice = 10 * time.Millisecond
	if got := p.Converse(t.Context(), someone); got.Allow {
		t.Errorf("got %+v", got)
	}
}

func TestLongContactFilesStayDrawable(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	s := absence(1, wire.ContactFile{Name: long, Serial: long, AdminEmail: long, AdminPhone: long + "\xff"}, words.For(nil))
	if _, err := wire.ScreenFrom(s.Dictionary()); err != nil {
		t.Error(err)
	}
	for _, f := range s.Facts {
		if !utf8.ValidString(f.Value) || len(f.Value) > maxFact {
			t.Errorf("%s has %d bytes", f.Label, len(f.Value))
		}
	}
}

// stuck is a panel that does not let go.
type stuck struct {
	*person
	release chan struct{}
}

func (s stuck) Close() error {
	<-s.release
	panic("at last")
}

func TestAPanelThatDoesNotLetGo(t *testing.T) {
	who := stuck{person: newPerson(presses), release: make(chan struct{})}
	defer close(who.release)
	p := prompt(shortFolder(t), who.person)
	p.Open = func() (panel.Panel, error) { return who, nil }
	if got := p.Converse(t.Context(), someone); !got.Allow {
		t.Errorf("got %+v", got)
	}
}

// FuzzContactFile: whatever the file says, a panel can draw it.
func FuzzContactFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"name":"mac-042","serial":"C02AB","admin_email":"help@example.com","admin_phone":"+43 1 234"}`))
	f.Add([]byte(`{"v":1,"name":"\u0000\ud800"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := in(t.TempDir(), "contact.json")
		write(t, path, string(raw), 0o644)
		if _, err := wire.ScreenFrom(absence(1, readContact(path), words.For(nil)).Dictionary()); err != nil {
			t.Error(err)
		}
	})
}
