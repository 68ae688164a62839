package securitykey

import (
	"context"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
)

// choose waits until a key is plugged in, and where there are several for the
// touch of one. The key that it opens is the caller's to close.
func (r *run) choose(ctx context.Context, told string) (*ctap.Key, error) {
	asked := false
	for {
		ports, err := r.Ports.Ports(ctx)
		switch {
		case err != nil:
			return nil, Ours(err)
		case len(ports) == 1:
			return r.open(ctx, ports[0])
		case len(ports) > 1:
			key, err := r.touched(ctx, ports, told)
			if key != nil || err != nil {
				return key, err
			}
			asked = false // what is plugged in has changed: other keys, or none
			continue
		case !asked:
			if _, err := r.ask(ctx, insertScreen(r.use.Touch, told)); err != nil {
				return nil, Ours(err)
			}
			asked = true
		}
		if err := r.look(ctx, func(ports []hid.Port) bool { return len(ports) > 0 }); err != nil {
			return nil, Ours(err)
		}
	}
}

func (r *run) open(ctx context.Context, port hid.Port) (*ctap.Key, error) {
	r.port = port
	channel, err := r.Ports.Open(ctx, port)
	if err != nil {
		return nil, err
	}
	key, err := ctap.Open(ctx, channel)
	if err != nil {
		_ = channel.Close()
		return nil, err
	}
	return key, nil
}

// picked is a key that was opened, and how asking it for a touch has ended.
type picked struct {
	port hid.Port
	key  *ctap.Key
	err  error
}

// touched lets the person touch one of several keys. Neither a key nor an error
// says that other keys are plugged in now.
func (r *run) touched(ctx context.Context, ports []hid.Port, told string) (*ctap.Key, error) {
	if _, err := r.ask(ctx, severalScreen(r.use.Touch, told)); err != nil {
		return nil, Ours(err)
	}
	ctx, over := context.WithCancel(ctx)
	defer over()
	var asking sync.WaitGroup
	answers := make(chan picked, len(ports))
	for _, port := range ports {
		asking.Go(func() { answers <- r.pick(ctx, port) })
	}
	changed := make(chan error, 1)
	asking.Go(func() { changed <- r.look(ctx, func(now []hid.Port) bool { return !same(now, ports) }) })
	won, err := first(answers, changed, len(ports))
	over()
	asking.Wait()
	for len(answers) > 0 { // those that were touched at the same time
		if p := <-answers; p.key != nil {
			_ = p.key.Close()
		}
	}
	if won.key != nil {
		r.port = won.port
	}
	return won.key, err
}

// first is the key that is touched first; or none when what is plugged in has
// changed. When every key has failed, it is with the error of the last.
func first(answers <-chan picked, changed <-chan error, count int) (picked, error) {
	var failed error
	for range count {
		select {
		case p := <-answers:
			if p.err == nil {
				return p, nil
			}
			failed = p.err
		case err := <-changed:
			return picked{}, Ours(err)
		}
	}
	return picked{}, failed
}

// pick opens a key and waits for its touch. A key that was not touched is
// closed again.
func (r *run) pick(ctx context.Context, port hid.Port) picked {
	channel, err := r.Ports.Open(ctx, port)
	if err != nil {
		return picked{port: port, err: err}
	}
	key, err := ctap.Open(ctx, channel)
	if err == nil {
		err = key.Select(ctx, nil)
	}
	if err != nil {
		_ = channel.Close()
		return picked{port: port, err: err}
	}
	return picked{port: port, key: key}
}

func same(a, b []hid.Port) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !holds(b, p) {
			return false
		}
	}
	return true
}
