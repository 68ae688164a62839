package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func codeScreen() wire.Screen {
	return wire.Screen{Seq: 7, Kind: wire.KindCode, Title: "Enter your code", Text: "Type it.",
		Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Code", Digits: 6}},
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Sign in", Role: wire.RoleDefault}, {ID: wire.ActionAnother, Label: "Another way", Role: wire.RoleOther},
			{ID: wire.ActionBack, Label: "Close", Role: wire.RoleCancel}}}
}

func chooseScreen() wire.Screen {
	s := codeScreen()
	s.Fields = nil
	s.Choices = []wire.Choice{{ID: "A", Label: "First", Reason: "locked"}, {ID: "B", Label: "Second", Enabled: true}}
	return s
}

// TestALineIsWhatAPersonMeans: what each line does on the screen that is shown.
func TestALineIsWhatAPersonMeans(t *testing.T) {
	link := codeScreen()
	link.Fields = []wire.Field{{Name: "login", Kind: wire.FieldText, Label: "Name", Value: "ada@acme.example"}}
	two := codeScreen()
	two.Fields = append(two.Fields, wire.Field{Name: "more", Kind: wire.FieldText, Label: "More"})
	key := codeScreen()
	key.Fields = []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN of the key"}}
	busy := wire.Screen{Seq: 7, Kind: wire.KindPush, Actions: []wire.Action{{ID: wire.ActionBack, Label: "Close", Role: wire.RoleCancel}}}
	for _, tt := range []struct {
		screen wire.Screen
		lines  string
		want   string // "" for nothing
	}{
		{codeScreen(), "123456", "submit  map[code:123456]"},
		{codeScreen(), "/back", "back  map[]"},
		{codeScreen(), "/an", "another  map[]"},
		{codeScreen(), "/allow", ""},
		{codeScreen(), "/", ""},
		{codeScreen(), strings.Repeat("1", 65), ""},
		{link, "", "submit  map[login:ada@acme.example]"},
		{link, "kim", "submit  map[login:kim]"},
		{two, "123456\nmore", "submit  map[code:123456 more:more]"},
		{two, "123456", ""},
		{chooseScreen(), "2", "submit B map[]"},
		{chooseScreen(), "", "submit  map[]"},
		{chooseScreen(), "1", ""}, // it cannot be chosen now
		{chooseScreen(), "3", ""},
		{chooseScreen(), "second", ""},
		{busy, "", ""},
		{key, " a PIN ", "submit  map[pin: a PIN ]"}, // as it was typed
		{key, "/7", "submit  map[pin:/7]"},
		{key, "/back", "back  map[]"},
	} {
		var out bytes.Buffer
		l := NewLines(&out)
		l.Show(tt.screen)
		l.Read(strings.NewReader(tt.lines + "\n"))
		got := ""
		for act := range l.Acts() {
			if act.Seq != tt.screen.Seq {
				t.Errorf("an act on screen %d", act.Seq)
			}
			got = fmt.Sprint(act.Action, " ", act.Choice, " ", act.Values)
		}
		if got != tt.want {
			t.Errorf("%q does %q, want %q", tt.lines, got, tt.want)
		}
	}
}

// TestAKeysPINIsNotSeen: the terminal shows nothing from the question to the
// next screen, and what is typed elsewhere.
func TestAKeysPINIsNotSeen(t *testing.T) {
	key := codeScreen()
	key.Fields = []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN of the key"}}
	var out bytes.Buffer
	l, shown := NewLines(&out), []bool{}
	l.Echo = func(on bool) { shown = append(shown, on) }
	l.Show(codeScreen())
	l.Show(key)
	l.Show(chooseScreen())
	l.Show(key)
	l.Read(strings.NewReader("secret!\n"))
	if got := fmt.Sprint(shown); got != "[true false true false true]" {
		t.Errorf("shown %s", got)
	}
	if strings.Contains(out.String(), "secret!") {
		t.Errorf("drawn: %s", out.String())
	}
}

func TestLinesShowAllThatIsOnAScreen(t *testing.T) {
	s := chooseScreen()
	s.Note = &wire.Note{Level: wire.LevelError, Text: "That was wrong"}
	s.Number, s.QR = "42", "otpauth://totp/acme.example:Mac?secret=AAAA"
	s.Facts = []wire.Fact{{Label: "Key", Value: "AAAA BBBB"}}
	s.Title = "Enter\x1b[2J"
	var out bytes.Buffer
	NewLines(&out).Show(s)
	for _, want := range []string{"Type it.", "! That was wrong", "42", "█", "Key: AAAA BBBB", "1  First (locked)", "2  Second", "/back  Close"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("text from outside steers the terminal")
	}
}

// TestAWindowIsOfferedOnce, and the next one again.
func TestAWindowIsOfferedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		begun := time.Now()
		open, length := 2*time.Minute, time.Hour
		offers := 0
		w := Watcher{Out: &out, Offer: func(context.Context, time.Duration) error { offers++; return nil },
			Mine: func(context.Context) (wire.Mine, error) {
				if time.Since(begun) < time.Minute {
					return wire.Mine{}, errors.New("no daemon yet")
				}
				for _, from := range []time.Duration{open, 3 * time.Hour} {
					if left := from + length - time.Since(begun); left > 0 && left <= length {
						until := begun.Add(from + length)
						return wire.Mine{WindowLeftSeconds: int(left / time.Second), WindowUntil: &until}, nil
					}
				}
				return wire.Mine{}, nil
			}}
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Hour)
		defer stop()
		w.Run(ctx)
		want := "! no daemon yet\n" + strings.Repeat("your recovery PIN works for another 60 minutes; set up a new factor before it runs out\nyour recovery PIN works no longer\n", 2)
		if out.String() != want || offers != 2 {
			t.Errorf("%d offers; it said\n%s", offers, out.String())
		}
	})
}

// TestTheDoorIsThePersonsAlone: nobody else reads the key in it.
func TestTheDoorIsThePersonsAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "latchkey")
	for _, address := range []string{"http://127.0.0.1:1/open/one", "http://127.0.0.1:1/open/two"} {
		path, err := Door(folder, address)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || !strings.Contains(string(raw), address) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s %v %v %v", raw, info.Mode(), err, statErr)
		}
	}
	entries, err := os.ReadDir(folder)
	if info, statErr := os.Stat(folder); err != nil || statErr != nil || len(entries) != 1 || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v %v", entries, err, statErr)
	}
}
