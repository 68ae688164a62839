package tty

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"image/color"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	xterm "golang.org/x/term"
)

func open(t *testing.T) *Terminal {
	t.Helper()
	term, err := Open(40, 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = term.Close()
		goleak.VerifyNone(t)
	})
	return term
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestTheScreenIsWhatAPersonSees(t *testing.T) {
	term := open(t)
	_, err := io.WriteString(term.File(), "overwritten\r\x1b[2Jone\x1b[3;5Hthree\x1b[1mbold\x1b[0m\r\nwrapped\r\nhere")
	if err != nil {
		t.Fatal(err)
	}
	if err := term.WaitForText(within(t), "wrapped here"); err != nil {
		t.Fatalf("%v\n%s", err, term.Text())
	}
	lines := strings.Split(term.Text(), "\n")
	if strings.Contains(term.Text(), "over") || lines[2] != "    threebold" {
		t.Errorf("%q", lines)
	}
	if Shows(term.Text(), "hereafter") {
		t.Error("shows what is not there")
	}
}

func TestAQueryOfAProgramIsAnswered(t *testing.T) {
	term := open(t)
	if _, err := xterm.MakeRaw(int(term.File().Fd())); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(term.File(), "\x1b[c"); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(term.File()).ReadString('c')
	if err != nil || !strings.HasPrefix(answer, "\x1b[?") {
		t.Fatalf("read %q, %v", answer, err)
	}
}

func TestKeysArriveAsATerminalSendsThem(t *testing.T) {
	for key, want := range map[string]string{"esc": "\x1b", "enter": "\r", "f1": "\x1bOP", "shift+tab": "\x1b[Z", "7": "7", "ctrl+c": "\x03"} {
		if got, known := keyBytes(key); !known || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	term := open(t)
	if err := term.Press("entre"); err == nil || !strings.Contains(err.Error(), `"entre"`) || !strings.Contains(err.Error(), "enter") {
		t.Errorf("unknown key: %v", err)
	}
}

func TestWhatIsWaitedForEndsWithTheTerminal(t *testing.T) {
	term := open(t)
	done := make(chan error)
	go func() { done <- term.WaitForText(context.Background(), "never") }()
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrEnded) {
		t.Errorf("waiting ended with %v", err)
	}
	if err := term.Type("x"); !errors.Is(err, ErrEnded) {
		t.Errorf("typing ended with %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := open(t).WaitForText(ctx, "never"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ended with %v", err)
	}
}

func TestAScreenshotHoldsTextColoursAndSquareHalfBlocks(t *testing.T) {
	term := open(t)
	if _, err := io.WriteString(term.File(), "\x1b[38;2;1;2;3;48;2;255;255;255m▀▄█\x1b[0m <b>&\x1b[7mx\x1b[0m\x1b[?25l"); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitForText(within(t), "<b>&x"); err != nil {
		t.Fatal(err)
	}
	term.Settle(within(t), 50*time.Millisecond, time.Second)
	p := term.Picture()
	if c := p.Cells[0][0]; c.Text != "▀" || c.Foreground != (color.RGBA{1, 2, 3, 255}) || c.Background != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("first cell %+v", c)
	}
	if c := p.Cells[0][8]; c.Foreground != background || c.Background != foreground {
		t.Errorf("reversed cell %+v", c)
	}
	if p.CursorX != -1 {
		t.Error("the cursor was hidden")
	}
	var svg bytes.Buffer
	if err := term.Screenshot(&svg); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg.Bytes(), new(struct{})); err != nil {
		t.Errorf("no XML: %v", err)
	}
	for _, want := range []string{
		`<rect x="0" y="0" width="27" height="18" fill="#ffffff"/>`, `<rect x="0" y="0" width="9" height="9" fill="#010203"/>`,
		`<rect x="9" y="9" width="9" height="9" fill="#010203"/>`, `<rect x="18" y="0" width="9" height="18" fill="#010203"/>`,
		`&lt;b&gt;&amp;</text>`} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("no %s in\n%s", want, svg.String())
		}
	}
}

func TestSizesAreBounded(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {19, 24}, {80, 4}, {501, 24}, {80, 201}} {
		if term, err := Open(size[0], size[1]); err == nil {
			_ = term.Close()
			t.Errorf("%v was accepted", size)
		}
	}
}
