package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
)

// errNoApplication: the host has no window server, or no application in it.
var errNoApplication = errors.New("the host has no application to draw in")

// face is the window, which is on another thread. Its methods return at once.
type face interface {
	Draw(view []byte)
	Count(line string)
	// Close is answered by drawing.gone.
	Close()
}

// maxWaiting is how many acts, and how many presses, wait for a reader; a person
// makes one at a time.
const maxWaiting = 16

// drawing is a panel that is being drawn.
type drawing struct {
	face    face
	acts    chan wire.Act
	presses chan event
	closing chan struct{}
	idle    chan struct{} // closed when nothing is drawn any longer
	isGone  chan struct{} // closed when there is no window any more
	close   sync.Once
	goneNow sync.Once

	mu     sync.Mutex
	latest wire.Screen
	fresh  chan struct{} // holds one when latest has not been drawn
}

var _ panel.Panel = (*drawing)(nil)

// start draws on the face that open makes, until Close.
func start(words Words, now func() time.Time, open func(*drawing) (face, error)) (*drawing, error) {
	d := &drawing{acts: make(chan wire.Act, maxWaiting), presses: make(chan event, maxWaiting), fresh: make(chan struct{}, 1),
		closing: make(chan struct{}), idle: make(chan struct{}), isGone: make(chan struct{})}
	opened, err := open(d)
	if err != nil {
		return nil, fmt.Errorf("open the panel: %w", err)
	}
	d.face = opened
	go func() {
		defer func() { _ = recover() }() // a defect ends the panel, in order
		d.run(&model{words: words}, now)
	}()
	return d, nil
}

// Show replaces the drawn screen.
func (d *drawing) Show(s wire.Screen) {
	d.mu.Lock()
	d.latest = s
	d.mu.Unlock()
	select {
	case d.fresh <- struct{}{}:
	default: // run will find the newer one
	}
}

// Acts is what the person did.
func (d *drawing) Acts() <-chan wire.Act { return d.acts }

// Close takes the window away and waits until it is gone.
func (d *drawing) Close() error {
	d.close.Do(func() { close(d.closing) })
	<-d.idle
	<-d.isGone
	return nil
}

// told is called on the main thread, which must not wait. What cannot be read
// was not made by the window.
func (d *drawing) told(content []byte) {
	var e event
	if len(content) > wire.MaxText*wire.MaxItems || json.Unmarshal(content, &e) != nil {
		return
	}
	select {
	case d.presses <- e:
	default: // nobody reads: the conversation is over
	}
}

// gone is called on the main thread: the window is.
func (d *drawing) gone() { d.goneNow.Do(func() { close(d.isGone) }) }

// run draws until Close. When it ends by itself the prompt lets the gate decide.
func (d *drawing) run(m *model, now func() time.Time) {
	defer close(d.idle)
	defer close(d.acts)
	defer d.face.Close()
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	last := ""
	for {
		select {
		case <-d.closing:
			return
		case <-d.fresh:
			d.mu.Lock()
			s := d.latest
			d.mu.Unlock()
			d.draw(m, m.show(s), now())
		case e := <-d.presses:
			d.pressed(m, e, now())
		case <-ticks.C:
			if line := m.count(now()); line != last {
				last = line
				d.face.Count(line)
			}
		}
	}
}

func (d *drawing) pressed(m *model, e event, now time.Time) {
	act, remarked := m.press(e, now)
	switch {
	case remarked != nil:
		d.draw(m, *remarked, now)
	case act != nil:
		select {
		case d.acts <- *act:
			d.draw(m, m.waiting(), now)
		default: // nobody reads: the conversation is over
		}
	}
}

func (d *drawing) draw(m *model, v view, now time.Time) {
	v.Count = m.count(now)
	content, err := json.Marshal(v)
	if err != nil {
		return // a view is texts and numbers
	}
	d.face.Draw(content)
}
