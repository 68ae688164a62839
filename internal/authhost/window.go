package authhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Bounds of what is typed, in bytes.
const (
	maxTypedName     = 255
	maxTypedPassword = 256
)

// window asks for name and password on a terminal, as loginwindow does on a
// screen.
type window struct {
	terminal *os.File
	computer string
	again    bool // the last try was refused
}

// ErrNoTerminal: someone would have to be asked, and there is no terminal.
var ErrNoTerminal = errors.New("name and password are asked for on a terminal, and there is none")

// ask returns what was typed, or errCanceled, or the error of ctx.
func (w window) ask(ctx context.Context) (Credentials, error) {
	if w.terminal == nil {
		return Credentials{}, ErrNoTerminal
	}
	before, err := term.MakeRaw(int(w.terminal.Fd()))
	if err != nil {
		return Credentials{}, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	defer func() { _ = term.Restore(int(w.terminal.Fd()), before) }()
	defer w.print("\x1b[0m\x1b[2J\x1b[H")
	w.head()
	keys := &keyboard{terminal: w.terminal}
	name, err := w.line(ctx, keys, "Name", maxTypedName, false)
	if err != nil {
		return Credentials{}, err
	}
	password, err := w.line(ctx, keys, "Password", maxTypedPassword, true)
	return Credentials{Name: strings.TrimSpace(string(name)), Password: password}, err
}

func (w window) print(text string) { _, _ = io.WriteString(w.terminal, text) }

// head draws what stands above name and password, in the manner of the
// terminal panel.
func (w window) head() {
	width, _, err := term.GetSize(int(w.terminal.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	bar := fmt.Sprintf(" %-*s", max(width-1, 0), "Login window")
	w.print("\x1b[2J\x1b[H\x1b[7m" + string([]rune(bar)[:min(width, len([]rune(bar)))]) + "\x1b[0m\r\n\r\n")
	w.print("  \x1b[1mLog in")
	if w.computer != "" {
		w.print(" to " + printable(w.computer))
	}
	w.print("\x1b[0m\r\n\r\n")
	if w.again {
		w.print("  Back at the start. Type your name and password again.\r\n\r\n")
	}
	w.print("  Return: go on   Esc: cancel\r\n\r\n")
}

// printable keeps control characters of a setting off the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// line reads one line with its own small editor; a hidden one shows dots.
func (w window) line(ctx context.Context, keys *keyboard, label string, limit int, hidden bool) ([]byte, error) {
	w.print(fmt.Sprintf("  %-9s ", label))
	var typed []byte
	for {
		key, err := keys.next(ctx)
		if err != nil {
			clear(typed)
			return nil, err
		}
		switch {
		case key == "\r" || key == "\n":
			w.print("\r\n")
			return typed, nil
		case key == "\x1b" || key == "\x03" || key == "\x04":
			clear(typed)
			return nil, errCanceled
		case key == "\x7f" || key == "\b":
			typed = w.rubOut(typed)
		case key == "\x15":
			for len(typed) > 0 {
				typed = w.rubOut(typed)
			}
		case key >= " " && key[0] != 0x1b && len(typed)+len(key) <= limit:
			typed = append(typed, key...)
			if hidden {
				key = "•"
			}
			w.print(key)
		}
	}
}

func (w window) rubOut(typed []byte) []byte {
	if len(typed) == 0 {
		return typed
	}
	_, size := utf8.DecodeLastRune(typed)
	w.print("\b \b")
	return typed[:len(typed)-size]
}

// keyboard reads keys one by one, without blocking longer than ctx lasts.
type keyboard struct {
	terminal *os.File
	pending  []byte
}

// How long the keyboard waits at a time, in milliseconds: between looks at
// ctx, and for what follows an escape byte when it begins a sequence.
const (
	pollEvery   = 100
	afterEscape = 50
)

// next is a character, a control byte, "\x1b" for the escape key, or a longer
// text that begins with it for other keys.
func (k *keyboard) next(ctx context.Context) (string, error) {
	for len(k.pending) == 0 {
		if err := k.fill(ctx); err != nil {
			return "", err
		}
	}
	if k.pending[0] == 0x1b {
		return k.escape()
	}
	for !utf8.FullRune(k.pending) {
		if err := k.fill(ctx); err != nil {
			return "", err
		}
	}
	r, size := utf8.DecodeRune(k.pending)
	k.pending = k.pending[size:]
	if r == utf8.RuneError {
		return "\x00", nil // not text: ignored by the editor
	}
	return string(r), nil
}

// escape takes the sequence of one key: ESC alone, ESC O and one byte, ESC [
// up to a final byte, or ESC and the key pressed with Alt.
func (k *keyboard) escape() (string, error) {
	if len(k.pending) == 1 {
		if ready, err := k.ready(afterEscape); err != nil || !ready {
			k.pending = nil
			return "\x1b", err
		}
		if err := k.read(); err != nil {
			return "", err
		}
	}
	size := 2
	switch k.pending[1] {
	case 'O':
		size = 3
	case '[':
		for size < len(k.pending) && (k.pending[size] < 0x40 || k.pending[size] > 0x7e) {
			size++
		}
		size++
	}
	size = min(size, len(k.pending))
	sequence := string(k.pending[:size])
	k.pending = k.pending[size:]
	return sequence, nil
}

func (k *keyboard) fill(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ready, err := k.ready(pollEvery)
		if err != nil {
			return err
		}
		if ready {
			return k.read()
		}
	}
}

func (k *keyboard) ready(milliseconds int) (bool, error) {
	polled := []unix.PollFd{{Fd: int32(k.terminal.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, milliseconds)
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for a key: %w", err)
	}
	return n > 0, nil
}

func (k *keyboard) read() error {
	var buffer [256]byte
	n, err := k.terminal.Read(buffer[:])
	if n == 0 && err == nil || errors.Is(err, io.EOF) || errors.Is(err, unix.EIO) {
		return errCanceled // the terminal went away
	}
	if err != nil {
		return fmt.Errorf("read a key: %w", err)
	}
	k.pending = append(k.pending, buffer[:n]...)
	clear(buffer[:])
	return nil
}
