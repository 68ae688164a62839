package tty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// ErrEnded: the programs on the terminal have ended and will draw nothing more.
var ErrEnded = errors.New("the terminal was closed")

// Bounds of a terminal, in cells.
const (
	MinWidth, MaxWidth   = 20, 500
	MinHeight, MaxHeight = 5, 200
)

// escapePause is how long a program waits after an escape byte before it takes
// it for the key; what is typed sooner would be read as part of a sequence.
const escapePause = 150 * time.Millisecond

// Terminal is an emulated terminal. Its methods may be called from any
// goroutine.
type Terminal struct {
	master, slave *os.File
	width, height int

	mu       sync.Mutex // guards what follows
	emulator *vt.Emulator
	hidden   bool          // the cursor
	changed  chan struct{} // closed and replaced when something was drawn

	input   sync.Mutex // guards what follows
	notSoon time.Time  // nothing is typed before that

	pumps  sync.WaitGroup
	drawn  chan struct{} // closed when draw has ended
	ended  chan struct{} // closed when the programs have ended
	finish sync.Once
	end    sync.Once
}

// Open makes a terminal of so many cells.
func Open(width, height int) (*Terminal, error) {
	if width < MinWidth || width > MaxWidth || height < MinHeight || height > MaxHeight {
		return nil, fmt.Errorf("open a terminal of %dx%d cells: allowed are %dx%d to %dx%d",
			width, height, MinWidth, MinHeight, MaxWidth, MaxHeight)
	}
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		return nil, errors.Join(fmt.Errorf("size the pseudo-terminal: %w", err), master.Close(), slave.Close())
	}
	t := &Terminal{master: master, slave: slave, width: width, height: height,
		emulator: vt.NewEmulator(width, height), changed: make(chan struct{}), ended: make(chan struct{}), drawn: make(chan struct{})}
	t.emulator.SetCallbacks(vt.Callbacks{CursorVisibility: func(visible bool) { t.hidden = !visible }})
	t.pumps.Add(2)
	go t.draw()
	go t.answer()
	return t, nil
}

// File is the end of the terminal for the programs that run on it.
func (t *Terminal) File() *os.File { return t.slave }

// Size is the size in cells.
func (t *Terminal) Size() (width, height int) { return t.width, t.height }

// draw feeds what programs write to the emulator, until the terminal ends.
func (t *Terminal) draw() {
	defer t.pumps.Done()
	defer close(t.drawn)
	buffer := make([]byte, 16*1024)
	for {
		n, err := t.master.Read(buffer)
		if n > 0 {
			t.feed(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (t *Terminal) feed(data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A sequence that the emulator cannot take must not end the evaluation that
	// is being watched.
	defer func() { _ = recover() }()
	_, _ = t.emulator.Write(data)
	close(t.changed)
	t.changed = make(chan struct{})
}

// answer carries the emulator's answers to queries back to the programs. It
// runs beside draw because the emulator waits until an answer is taken.
func (t *Terminal) answer() {
	defer t.pumps.Done()
	_, _ = io.Copy(t.master, t.emulator)
}

// lastWords bounds how long Finish waits for what is still being drawn, when a
// program has left another behind that holds the terminal open.
const lastWords = 2 * time.Second

// Finish is for when the programs have ended: it waits for the last that they
// drew. The screen stays; who waits for more gets ErrEnded.
func (t *Terminal) Finish() {
	t.finish.Do(func() {
		_ = t.slave.Close()
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-t.drawn:
		case <-timer.C:
		}
		close(t.ended)
	})
}

// Close ends the terminal and frees what it holds.
func (t *Terminal) Close() error {
	var err error
	t.end.Do(func() {
		t.Finish()
		err = errors.Join(t.master.Close(), t.emulator.InputPipe().(io.Closer).Close())
		t.pumps.Wait()
	})
	return err
}

// Text is the screen as lines without trailing blanks.
func (t *Terminal) Text() string {
	text, _ := t.look()
	return text
}

// look is the text and the channel that is closed when it may have changed.
func (t *Terminal) look() (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := make([]string, t.height)
	for y := range lines {
		var line strings.Builder
		for x := 0; x < t.width; {
			content, wide := " ", 1
			if c := t.emulator.CellAt(x, y); c != nil && c.Content != "" {
				content, wide = c.Content, max(c.Width, 1)
			}
			line.WriteString(content)
			x += wide
		}
		lines[y] = strings.TrimRight(line.String(), " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n"), t.changed
}

// WaitFor returns as soon as the text of the screen fits, or with the error of
// ctx, or with ErrEnded.
func (t *Terminal) WaitFor(ctx context.Context, fits func(text string) bool) error {
	for {
		text, changed := t.look()
		if fits(text) {
			return nil
		}
		select {
		case <-changed:
		case <-t.ended:
			if fits(t.Text()) {
				return nil
			}
			return ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitForText is WaitFor for a text that Shows finds.
func (t *Terminal) WaitForText(ctx context.Context, wanted string) error {
	return t.WaitFor(ctx, func(text string) bool { return Shows(text, wanted) })
}

// Settle waits until nothing was drawn for the time quiet, but no longer than
// limit: what ticks by itself never settles.
func (t *Terminal) Settle(ctx context.Context, quiet, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, changed := t.look()
		timer := time.NewTimer(quiet)
		select {
		case <-changed:
			timer.Stop()
			continue
		case <-timer.C:
		case <-t.ended:
		case <-ctx.Done():
		}
		timer.Stop()
		return
	}
}

// Shows reports whether a person reads wanted on a screen with that text.
// Line ends, runs of blanks and the borders of boxes count as one blank, so
// that a text which was wrapped is found.
func Shows(text, wanted string) bool {
	return strings.Contains(Flat(text), Flat(wanted))
}

// Flat is the text on one line, as Shows compares it.
func Flat(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || r == '\n' || r == '\u00a0' || r >= '\u2500' && r <= '\u257f'
	}), " ")
}
