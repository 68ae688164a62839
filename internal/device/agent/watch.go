package agent

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// lookEvery is how often the agent asks whether a recovery window is open.
const lookEvery = 15 * time.Second

// Watcher is the agent of a session: once for each recovery window it shows the
// person how long their PIN still works, and where to set up a new factor.
type Watcher struct {
	Mine  func(ctx context.Context) (wire.Mine, error)
	Offer func(ctx context.Context, left time.Duration) error // opens the page; returns at once
	Out   io.Writer
	Every time.Duration // 0: lookEvery

	offered time.Time // the window that was offered last, by its end
	open    bool
	trouble string
}

// Run looks until ctx ends. A daemon that does not answer is waited for.
func (w *Watcher) Run(ctx context.Context) {
	every := w.Every
	if every == 0 {
		every = lookEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Watcher) look(ctx context.Context) {
	mine, err := w.Mine(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.say("! " + err.Error())
		return
	}
	w.trouble = ""
	left := time.Duration(mine.WindowLeftSeconds) * time.Second
	switch {
	case left <= 0 && w.open:
		w.open = false
		fmt.Fprintln(w.Out, "your recovery PIN works no longer")
	case left > 0 && w.newWindow(mine):
		w.open = true
		fmt.Fprintf(w.Out, "your recovery PIN works for another %s; set up a new factor before it runs out\n", minutes(left))
		if err := w.Offer(ctx, left); err != nil {
			w.say("! " + err.Error())
		}
	}
}

// newWindow tells a window from the one before: its end moves by more than the
// seconds that clocks differ by.
func (w *Watcher) newWindow(mine wire.Mine) bool {
	end := time.Time{}
	if mine.WindowUntil != nil {
		end = *mine.WindowUntil
	}
	if apart := end.Sub(w.offered).Abs(); w.open && apart < time.Minute {
		return false
	}
	w.offered = end
	return true
}

// say tells of a trouble once.
func (w *Watcher) say(text string) {
	if text != w.trouble {
		w.trouble = text
		fmt.Fprintln(w.Out, text)
	}
}
