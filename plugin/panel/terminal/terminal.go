package terminal

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"golang.org/x/term"
)

// errNotTerminal: there is nothing to draw on.
var errNotTerminal = errors.New("not a terminal")

// drawing is a panel that is being drawn.
type drawing struct {
	program *tea.Program
	acts    chan wire.Act
	paces   chan time.Duration // holds the latest pace of ticks
	ended   chan struct{}      // closed when the terminal has been given back
	err     error              // why it ended, once ended is closed
	idle    chan struct{}      // closed when nothing is delivered any longer

	mu     sync.Mutex
	latest wire.Screen   // what Show was given last
	fresh  chan struct{} // holds one when latest has not been drawn
}

var _ panel.Panel = (*drawing)(nil)

// maxActs is how many acts wait for a reader; a person makes one at a time.
const maxActs = 16

// Open takes over the terminal, until Close. Both files may be the same.
func Open(in, out *os.File) (panel.Panel, error) {
	for _, f := range []*os.File{in, out} {
		if !term.IsTerminal(int(f.Fd())) {
			return nil, fmt.Errorf("draw the panel on %s: %w", f.Name(), errNotTerminal)
		}
	}
	d := &drawing{acts: make(chan wire.Act, maxActs), paces: make(chan time.Duration, 1),
		ended: make(chan struct{}), fresh: make(chan struct{}, 1), idle: make(chan struct{})}
	colours := hasColours(os.Environ())
	m := newModel(time.Now, lookFor(colours), d.act, d.pace)
	keys := newKeyboard()
	options := []tea.ProgramOption{tea.WithInput(tap{in, keys}), tea.WithOutput(out), tea.WithoutSignalHandler()}
	if !colours {
		options = append(options, tea.WithColorProfile(attributesOnly))
	}
	d.program = tea.NewProgram(m, options...)
	keys.start(os.Getenv("TERM"), d.program.Send)
	go d.run(keys)
	go d.deliver()
	return d, nil
}

// run draws until Close, or until the terminal goes away.
func (d *drawing) run(keys *keyboard) {
	defer close(d.ended)
	defer close(d.acts)
	defer keys.stop()
	last, err := d.program.Run()
	if m, ok := last.(*model); ok && err == nil {
		err = m.failed
	}
	d.err = err
}

// Show replaces the drawn screen.
func (d *drawing) Show(s wire.Screen) {
	d.mu.Lock()
	d.latest = s
	d.mu.Unlock()
	select {
	case d.fresh <- struct{}{}:
	default: // deliver will find the newer one
	}
}

// deliver hands the latest screen and the ticks to the program, which may be
// busy.
func (d *drawing) deliver() {
	defer close(d.idle)
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	ticker.Stop()
	for {
		select {
		case <-d.fresh:
			d.mu.Lock()
			s := d.latest
			d.mu.Unlock()
			d.program.Send(showMsg{s})
		case every := <-d.paces:
			ticker.Stop()
			if every > 0 {
				ticker.Reset(every)
			}
		case <-ticker.C:
			d.program.Send(tickMsg{})
		case <-d.ended:
			return
		}
	}
}

// pace is called by the model alone, which must not wait: the newest wins.
func (d *drawing) pace(every time.Duration) {
	select {
	case <-d.paces:
	default:
	}
	d.paces <- every
}

// act is called by the model, which must not wait.
func (d *drawing) act(a wire.Act) {
	select {
	case d.acts <- a:
	default: // nobody reads: the conversation is over
	}
}

// Acts is what the person did.
func (d *drawing) Acts() <-chan wire.Act { return d.acts }

// Close gives the terminal back.
func (d *drawing) Close() error {
	d.program.Quit()
	<-d.ended
	<-d.idle
	if d.err != nil {
		return fmt.Errorf("draw the panel: %w", d.err)
	}
	return nil
}
