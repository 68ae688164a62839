package trial

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Seat is a person within a session, at a command of the Mac's command line
// that talks in lines.
type Seat struct {
	world *World
	in    io.Writer
	out   *watched
	read  int // of what was printed, how much was looked at
}

// Sits runs such a command as the user of an account, and plays the person. The
// command has to end by itself after that.
func (w *World) Sits(a Account, play func(*Seat) error, args ...string) error {
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.Bin, "latchkey"), append(args, "--sockets", w.Sockets())...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.UID, Gid: 20}}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("run latchkey %s: %w", args[0], err)
	}
	s := &Seat{world: w, in: in, out: &watched{}}
	cmd.Stdout, cmd.Stderr = s.out, s.out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run latchkey %s: %w", args[0], err)
	}
	err = play(s)
	if err != nil {
		cancel()
	}
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("latchkey %s: %w", args[0], ended)
	}
	if err != nil {
		return errors.Join(err, fmt.Errorf("it printed:\n%s", s.out))
	}
	return nil
}

// after waits until what was printed, but not looked at yet, is like the
// pattern, and returns its first group.
func (s *Seat) after(pattern string) (string, error) {
	like := regexp.MustCompile(pattern)
	for give := time.Now().Add(patience); time.Now().Before(give); time.Sleep(10 * time.Millisecond) {
		text := s.out.String()
		if at := like.FindStringSubmatchIndex(text[s.read:]); at != nil {
			found := text[s.read+at[2] : s.read+at[3]]
			s.read += at[1]
			return found, nil
		}
	}
	return "", fmt.Errorf("nothing printed is like %q", pattern)
}

// Sees waits for words.
func (s *Seat) Sees(words string) error {
	_, err := s.after("(" + regexp.QuoteMeta(words) + ")")
	if err == nil {
		s.world.Say("  session %s", words)
	}
	return err
}

// Types waits for words, and answers with a line.
func (s *Seat) Types(words, line string) error {
	if err := s.Sees(words); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.in, line)
	return err
}

// Chooses takes the entry of a list that has those words, once it can be chosen.
func (s *Seat) Chooses(words string) error {
	number, err := s.after(`(?m)^  ([1-9])  [^\n]*` + regexp.QuoteMeta(words) + `$`)
	if err != nil {
		return err
	}
	s.world.Say("  session chooses %s", words)
	_, err = fmt.Fprintln(s.in, number)
	return err
}

// ReadsKey scans the QR code, or rather reads the key below it.
func (s *Seat) ReadsKey() (totp.Key, error) {
	text, err := s.after(`Key: ((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})`)
	if err != nil {
		return totp.Key{}, err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		return totp.Key{}, fmt.Errorf("read the key of an app: %w", err)
	}
	return totp.KeyFrom(raw)
}
