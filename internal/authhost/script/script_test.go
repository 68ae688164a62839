package script

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
	"golang.org/x/term"
)

func TestBadLinesAreNamed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"press enter", `s:1: unknown step "press", allowed are size, wait-for`},
		{"# comment\n\nkey entre", `s:3: key: unknown key "entre"`},
		{"wait-for text", "s:1: wait-for: a text in double quotes"},
		{`wait-for "unended`, "double quotes"},
		{`wait-for "  "`, "blank"},
		{`wait-for "x" soon`, `"soon" is no time`},
		{`wait-for "x" 5h`, `"5h" is no time`},
		{`wait-for "x" 5s twice`, `"twice" stands after the end`},
		{"expect /a(b/", "the pattern is wrong"},
		{"expect /ab", "does not end"},
		{"capture CODE /abc/", "one (group)"},
		{`capture CODE "abc"`, "one (group)"},
		{"capture code /(a)/", `"code" is no name`},
		{"type $CODE", "s:1: type: $CODE was not captured before"},
		{"type-totp SECRET", "no variable like $CODE"},
		{"type 'x'", "double quotes"},
		{"outcome maybe", `unknown outcome "maybe"`},
		{"key enter\nsize 80x24", "s:2: size: it stands once"},
		{"size 80", "WIDTHxHEIGHT"},
		{"size 10x10", "20x5 to 500x200"},
		{`exec "rm"`, "unknown step"},
	} {
		_, err := Parse("s", c.text)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.lks")); err == nil || !strings.Contains(err.Error(), "none.lks") {
		t.Errorf("%v", err)
	}
}

// stage is a terminal on which a test draws, and reads what was typed.
func stage(t *testing.T) (*authhost.Session, *os.File) {
	t.Helper()
	terminal, err := tty.Open(60, 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	if _, err := term.MakeRaw(int(terminal.File().Fd())); err != nil {
		t.Fatal(err)
	}
	return &authhost.Session{Terminal: terminal}, terminal.File()
}

func play(t *testing.T, s *authhost.Session, text string) error {
	t.Helper()
	parsed, err := Parse("story.lks", text)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	now := func() time.Time { return time.Unix(59, 0) }
	return (&Player{Script: parsed, Now: now}).Play(ctx, s)
}

func TestAScriptSeesAndTypes(t *testing.T) {
	s, programs := stage(t)
	// The secret of RFC 6238, appendix B; its code at 59 s ends in 287082.
	_, err := io.WriteString(programs, "\x1b[H│ Your device code is\r\n│ 6393 4920\r\n  Key GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\r\n")
	if err != nil {
		t.Fatal(err)
	}
	err = play(t, s, `
wait-for "Your device code is 6393" 5s
expect /\d{4} \d{4}/
absent "another"
capture CODE /code is ([0-9 ]+)/
capture SECRET /Key ([A-Z2-7 ]+)/
type $CODE
key tab
type-totp $SECRET
type "say \"hi\""
key enter
`)
	if err != nil {
		t.Fatal(err)
	}
	typed, err := bufio.NewReader(programs).ReadString('\r')
	if want := "6393 4920\t287082say \"hi\"\r"; err != nil || typed != want {
		t.Errorf("typed %q, %v, want %q", typed, err, want)
	}
	key, err := totp.KeyFrom([]byte("12345678901234567890"))
	if err != nil || key.Code(1) != "287082" {
		t.Errorf("the vector is %s, %v", key.Code(1), err)
	}
}

func TestAMismatchShowsLineAndScreen(t *testing.T) {
	s, programs := stage(t)
	if _, err := io.WriteString(programs, "Something else\r\nis shown"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"wait-for \"is shown\"\nexpect \"Access code\" 50ms", "story.lks:2: expect \"Access code\" 50ms\nis not shown within 50ms\nthe screen:\n  | Something else\n  | is shown"},
		{"absent \"is shown\" 50ms", "story.lks:1: absent \"is shown\" 50ms\nis still shown within 50ms"},
		{"wait-for /e.se/\nwait-for \"never\" 50ms", "story.lks:2: wait-for \"never\" 50ms\nwas not shown"},
		{"capture X /no (match)/ 50ms", "story.lks:1:"},
		{"capture X /(Something)/\ntype-totp $X", "story.lks:2: type-totp $X\n$X"},
		{"outcome login 50ms", "the evaluation did not end within 50ms"},
	} {
		if err := play(t, s, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
}

func TestWhatComesLateIsWaitedFor(t *testing.T) {
	s, programs := stage(t)
	go func() {
		line := make([]byte, 1)
		_, _ = programs.Read(line) // what the script types first
		_, _ = io.WriteString(programs, "\x1b[2J\x1b[Hlater")
	}()
	if _, err := io.WriteString(programs, "early"); err != nil {
		t.Fatal(err)
	}
	if err := play(t, s, "expect \"early\"\ntype \"x\"\nwait-for \"later\"\nabsent \"early\""); err != nil {
		t.Error(err)
	}
}

func TestScreenshotsLieBesideTheScript(t *testing.T) {
	s, programs := stage(t)
	if _, err := io.WriteString(programs, "a picture"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "s.lks")
	if err := os.WriteFile(path, []byte("wait-for \"a picture\"\nscreenshot \"shot.svg\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parsed, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Player{Script: parsed, Now: time.Now}).Play(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "shot.svg")); err != nil || !strings.Contains(string(data), "<svg") {
		t.Errorf("%v\n%s", err, data)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("size 80x24\nwait-for \"a\" 5s\ncapture A /(b\\/)/\ntype $A\nkey f1\noutcome login 3s")
	f.Add("expect /\\")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("f", text)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Line < 1 {
				t.Fatalf("an error without a line: %v", err)
			}
			return
		}
		for _, st := range s.steps {
			if st.wait < 0 || st.wait > maxWait {
				t.Fatalf("waits %v", st.wait)
			}
		}
	})
}
