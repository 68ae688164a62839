package terminal

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

// keyboard turns the bytes of the terminal into keys. Bubble Tea would do that
// as well, but a key that arrives while it ends leaves its reader waiting for
// ever, in a process that is not ours. So it only reads, through tap, and what
// it reads is decoded here.
type keyboard struct {
	typed   chan []byte
	ended   chan struct{} // closed by stop
	running sync.WaitGroup
}

// tap is the terminal for Bubble Tea: it sets modes and waits for input, and
// gets none of it.
type tap struct {
	*os.File
	keyboard *keyboard
}

// Read hands what was typed to the keyboard.
func (t tap) Read(p []byte) (int, error) {
	n, err := t.File.Read(p)
	if n > 0 {
		select {
		case t.keyboard.typed <- bytes.Clone(p[:n]):
		case <-t.keyboard.ended:
		}
		clear(p[:n])
	}
	return 0, err
}

func newKeyboard() *keyboard {
	return &keyboard{typed: make(chan []byte), ended: make(chan struct{})}
}

// start decodes until stop. What it sends must not wait for ever.
func (k *keyboard) start(terminal string, send func(tea.Msg)) {
	events := make(chan uv.Event)
	reader := uv.NewTerminalReader(&source{keyboard: k}, terminal)
	k.running.Go(func() {
		defer close(events)
		_ = reader.StreamEvents(context.Background(), events) // ends with the source
	})
	k.running.Go(func() {
		for event := range events {
			switch event := event.(type) {
			case uv.KeyPressEvent:
				send(tea.KeyPressMsg(event))
			case uv.PasteEvent:
				send(tea.PasteMsg(event))
			}
		}
	})
}

// stop ends the decoding and waits until it has ended.
func (k *keyboard) stop() {
	close(k.ended)
	k.running.Wait()
}

// source is what was typed, as a reader.
type source struct {
	keyboard *keyboard
	rest     []byte
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case s.rest = <-s.keyboard.typed:
		case <-s.keyboard.ended:
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
