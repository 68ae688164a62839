package terminal

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"go.uber.org/goleak"
	"golang.org/x/term"
)

// sitAtTerminal opens the panel on an emulated terminal.
func sitAtTerminal(t *testing.T, width, height int) (*tty.Terminal, panel.Panel) {
	t.Helper()
	terminal, err := tty.Open(width, height)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(terminal.File(), terminal.File())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = terminal.Close()
		goleak.VerifyNone(t)
	})
	return terminal, p
}

func waitFor(t *testing.T, terminal *tty.Terminal, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := terminal.WaitForText(ctx, text); err != nil {
		t.Fatalf("no %q: %v\n%s", text, err, terminal.Text())
	}
}

func TestAPINIsTypedOnARealTerminal(t *testing.T) {
	terminal, p := sitAtTerminal(t, 90, 30)
	for seq := range uint64(50) { // the last of many is the one that counts
		s := screens()["contact"]
		s.Seq, s.Title = seq, fmt.Sprintf("Screen %d", seq)
		p.Show(s)
	}
	waitFor(t, terminal, "Screen 49")
	if err := terminal.Type("539 902-792"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, terminal, "▸ 539 902 792")
	if err := terminal.Press("enter"); err != nil {
		t.Fatal(err)
	}
	got := <-p.Acts()
	if diff := cmp.Diff(wire.Act{Seq: 49, Action: wire.ActionSubmit, Values: map[string]string{"pin": "539902792"}}, got); diff != "" {
		t.Error(diff)
	}
	waitFor(t, terminal, "One moment")
	p.Show(screens()["notice"])
	waitFor(t, terminal, "Recovery PIN accepted")
	if strings.Contains(terminal.Text(), "539") {
		t.Error("what was typed outlives its field")
	}
	if err := terminal.Press("esc"); err != nil { // no cancel action: nothing happens
		t.Fatal(err)
	}
	if err := terminal.Press("enter"); err != nil {
		t.Fatal(err)
	}
	if got := <-p.Acts(); got.Seq != 11 || got.Action != wire.ActionSubmit {
		t.Errorf("%+v", got)
	}
}

func TestTheTerminalIsGivenBack(t *testing.T) {
	terminal, err := tty.Open(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	fd := int(terminal.File().Fd())
	before, err := term.GetState(fd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := terminal.File().WriteString("a shell was here"); err != nil {
		t.Fatal(err)
	}
	p, err := Open(terminal.File(), terminal.File())
	if err != nil {
		t.Fatal(err)
	}
	p.Show(screens()["pin"])
	waitFor(t, terminal, "Enter your recovery PIN")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := term.GetState(fd)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(*before) != fmt.Sprint(*after) {
		t.Errorf("the terminal was %v and is %v", *before, *after)
	}
	waitFor(t, terminal, "a shell was here")
	if strings.Contains(terminal.Text(), "recovery PIN") {
		t.Error("the panel is still drawn")
	}
	if _, open := <-p.Acts(); open {
		t.Error("acts go on after Close")
	}
	p.Show(screens()["pin"]) // must neither block nor panic
	if err := p.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestKeysThatComeTooLateLeaveNothingBehind(t *testing.T) {
	for i := range 10 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			terminal, p := sitAtTerminal(t, 80, 24)
			p.Show(screens()["pin"])
			waitFor(t, terminal, "Recovery PIN")
			typed := make(chan struct{})
			go func() {
				defer close(typed)
				for range 50 {
					_ = terminal.Type("1\x1b[A2")
				}
			}()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			<-typed
		})
	}
}

func TestAPINIsPasted(t *testing.T) {
	terminal, p := sitAtTerminal(t, 80, 24)
	p.Show(screens()["pin"])
	waitFor(t, terminal, "▸ ___")
	if err := terminal.Type("\x1b[200~539 902 792\n\x1b[201~"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, terminal, "▸ 539 902 792")
	if len(p.Acts()) != 0 {
		t.Error("the line end in what was pasted was taken for Return")
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Open(f, f); err == nil || !strings.Contains(err.Error(), f.Name()) {
		t.Errorf("%v", err)
	}
}

func TestAPhoneReadsTheQRCode(t *testing.T) {
	zbarimg, err := exec.LookPath("zbarimg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("zbarimg is missing, and CI must not pass without it")
		}
		t.Skip("zbarimg (Debian: zbar-tools) is not installed")
	}
	for _, c := range []struct {
		name          string
		width, height int
		noColour      bool
	}{{"beside the text", 100, 30, false}, {"with a small quiet zone", 78, 26, false}, {"below the text", 60, 48, false}, {"without colours", 100, 30, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", map[bool]string{true: "1"}[c.noColour])
			t.Setenv("TERM", "xterm-256color")
			t.Setenv("COLORTERM", "truecolor")
			terminal, p := sitAtTerminal(t, c.width, c.height)
			p.Show(screens()["enrol"])
			waitFor(t, terminal, "First code")
			terminal.Settle(t.Context(), 300*time.Millisecond, 3*time.Second)
			path := filepath.Join(t.TempDir(), "screen.png")
			if err := os.WriteFile(path, photograph(t, terminal), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(zbarimg, "--quiet", "--raw", path).Output()
			if err != nil || strings.TrimSpace(string(out)) != enrolURI {
				t.Errorf("read %q, %v\n%s", out, err, terminal.Text())
			}
		})
	}
}

// photograph is the screen as a PNG with half blocks as squares and text left
// out: what a camera makes of it.
func photograph(t *testing.T, terminal *tty.Terminal) []byte {
	t.Helper()
	const scale = 6
	p := terminal.Picture()
	img := image.NewRGBA(image.Rect(0, 0, len(p.Cells[0])*scale, len(p.Cells)*2*scale))
	half := func(x, y int, c color.RGBA) {
		for dy := range scale {
			for dx := range scale {
				img.SetRGBA(x*scale+dx, y*scale+dy, c)
			}
		}
	}
	for y, row := range p.Cells {
		for x, cell := range row {
			upper, lower := cell.Background, cell.Background
			if cell.Text == "▀" || cell.Text == "█" {
				upper = cell.Foreground
			}
			if cell.Text == "▄" || cell.Text == "█" {
				lower = cell.Foreground
			}
			half(x, 2*y, upper)
			half(x, 2*y+1, lower)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNoColourTerminalsGetAttributes(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm-256color")
	terminal, p := sitAtTerminal(t, 80, 24)
	p.Show(screens()["choose"])
	waitFor(t, terminal, "Recovery PIN")
	plain := tty.Cell{Text: " "}
	bold := false
	for _, row := range terminal.Picture().Cells {
		for _, cell := range row {
			if plain.Foreground == (color.RGBA{}) {
				plain.Foreground, plain.Background = cell.Background, cell.Foreground // the bar is reversed
			}
			bold = bold || cell.Bold
			straight := cell.Foreground == plain.Foreground && cell.Background == plain.Background
			reversed := cell.Foreground == plain.Background && cell.Background == plain.Foreground
			if !straight && !reversed {
				t.Fatalf("a colour: %+v", cell)
			}
		}
	}
	if !bold {
		t.Error("nothing is bold")
	}
}
