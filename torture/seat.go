package main

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// errCut says that the daemon went away under a person: nothing was said.
var errCut = errors.New("the daemon went away")

// errStale says that the screen was replaced before the button was pressed, as
// by a reset that came with a check-in: nothing happened.
var errStale = errors.New("the screen was an old one")

// patience is how long an answer may take on a busy machine.
const patience = 20 * time.Second

// seat is a person in front of the login window, at the prompt socket, as the
// plug-in would be there.
type seat struct {
	sockets string
	uid     uint32
	client  *xipc.Client
	screen  wire.Screen
	done    *wire.Done
}

func sit(ctx context.Context, sockets string, uid uint32) (*seat, error) {
	s := &seat{sockets: sockets, uid: uid}
	var err error
	if s.client, err = dial(ctx, sockets, wire.RolePrompt, "prompt.sock"); err != nil {
		return nil, err
	}
	if _, err := s.client.Request(ctx, wire.MsgBegin, wire.Dictionary{"uid": uint64(uid)}); err != nil {
		s.leave()
		return nil, cut(err)
	}
	return s, s.next(ctx)
}

func dial(ctx context.Context, sockets, role, socket string) (*xipc.Client, error) {
	c, err := xipc.Dial(ctx, filepath.Join(sockets, socket), xipc.ClientOptions{Role: role, Timeout: patience})
	return c, cut(err)
}

// cut keeps apart that the daemon went away and that it said no.
func cut(err error) error {
	var said *xipc.RemoteError
	if err == nil || errors.As(err, &said) {
		return err
	}
	return fmt.Errorf("%w: %w", errCut, err)
}

func (s *seat) leave() { s.client.Close() }

// next waits for the next screen, or the end.
func (s *seat) next(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	select {
	case m, open := <-s.client.Events():
		if !open {
			return errCut
		}
		return s.take(m)
	case <-ctx.Done():
		return fmt.Errorf("no screen came within %s after %q", patience, s.screen.Title)
	}
}

func (s *seat) take(m xipc.Message) (err error) {
	if m.Name == wire.MsgDone {
		end, err := wire.DoneFrom(m.Body)
		s.done = &end
		return err
	}
	s.screen, err = wire.ScreenFrom(m.Body)
	return err
}

// act presses a button and waits for what comes.
func (s *seat) act(ctx context.Context, action, choice string, values map[string]string) error {
	reply, err := s.client.Request(ctx, wire.MsgAct, wire.Act{Seq: s.screen.Seq, Action: action, Choice: choice, Values: values}.Dictionary())
	if err != nil {
		return cut(err)
	}
	if reply["ok"] != true {
		return errStale
	}
	return s.next(ctx)
}

// offers reports whether the screen has that button.
func (s *seat) offers(action string) bool {
	for _, a := range s.screen.Actions {
		if a.ID == action {
			return true
		}
	}
	return false
}

// contact goes to Contact admin.
func (s *seat) contact(ctx context.Context) error {
	if s.screen.Kind == wire.KindContact {
		return nil
	}
	if err := s.act(ctx, wire.ActionContact, "", nil); err != nil {
		return err
	}
	if s.screen.Kind != wire.KindContact {
		return fmt.Errorf("Contact admin leads to %q: %s", s.screen.Title, note(s.screen))
	}
	return nil
}

// deviceCode is the one on Contact admin, "" for none.
func (s *seat) deviceCode() string {
	for _, f := range s.screen.Facts {
		if f.Label == "Device code" && len(f.Value) == 9 {
			return strings.ReplaceAll(f.Value, " ", "")
		}
	}
	return ""
}

// choice finds the way with that id; why says why it is closed.
func (s *seat) choice(id string) (there bool, why string) {
	for _, c := range s.screen.Choices {
		if c.ID == id {
			return true, c.Reason
		}
	}
	return false, ""
}

func note(s wire.Screen) string {
	if s.Note == nil {
		return ""
	}
	return s.Note.Text
}

// key is the one that an enrolment's QR code shows.
func (s *seat) key() (totp.Key, error) {
	address, err := url.Parse(s.screen.QR)
	if err != nil {
		return totp.Key{}, fmt.Errorf("scan the QR code: %w", err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(address.Query().Get("secret"))
	if err != nil {
		return totp.Key{}, fmt.Errorf("scan the QR code: %w", err)
	}
	return totp.KeyFrom(raw)
}

// saidWait finds how long the person is told to wait; 0 for not at all.
func saidWait(text string) time.Duration {
	found := regexp.MustCompile(`(?:[Ww]ait|again in) (\d+) (second|minute)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	if found[2] == "minute" {
		return time.Duration(n) * time.Minute
	}
	return time.Duration(n) * time.Second
}

// pinSaid is what the screen after a PIN says in the model's words.
func pinSaid(text string) (string, error) {
	for words, said := range map[string]string{
		"A digit is wrong, or two are swapped": saidMistyped, "Too many wrong PINs": saidThrottled, "Recovery PIN accepted": saidActivated,
		"This PIN has expired": saidExpired, "This PIN is not good here and now": saidWrong,
	} {
		if strings.Contains(text, words) {
			return said, nil
		}
	}
	return "", fmt.Errorf("the answer to a PIN is %q", text)
}

// codeSaid is the same for an access code.
func codeSaid(text string) (string, error) {
	for words, said := range map[string]string{
		"The access code is closed": saidShut, "You can try again in": saidThrottled, "That code was used already": saidUsed, "That code is not right": saidWrong,
		"access code was removed": saidNoFactor,
	} {
		if strings.Contains(text, words) {
			return said, nil
		}
	}
	return "", fmt.Errorf("the answer to an access code is %q", text)
}

// ask takes a ticket to the gate.
func ask(ctx context.Context, sockets string, uid uint32, ticket []byte) (wire.Decision, error) {
	c, err := dial(ctx, sockets, wire.RoleGate, "gate.sock")
	if err != nil {
		return wire.Decision{}, err
	}
	defer c.Close()
	reply, err := c.Request(ctx, wire.MsgDecide, wire.Decide{UID: uid, Ticket: ticket}.Dictionary())
	if err != nil {
		return wire.Decision{}, cut(err)
	}
	return wire.DecisionFrom(reply)
}

// control asks as the command line does.
func control(ctx context.Context, sockets, name string, into any) error {
	c, err := dial(ctx, sockets, wire.RoleControl, "control.sock")
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.Request(ctx, name, wire.Dictionary{})
	if err != nil || into == nil {
		return cut(err)
	}
	return wire.FromDictionary(reply, into)
}
