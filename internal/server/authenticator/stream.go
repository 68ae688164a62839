package authenticator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// Bounds and times of the streams of open pages.
const (
	maxStreams         = 2000
	maxStreamsOfAPhone = 4
	heartbeat          = 20 * time.Second // proxies cut off what is silent
	streamLife         = 30 * time.Minute // then the page asks again, and is looked at anew
	lookEvery          = time.Second      // how soon what another process did is seen
	phonesEvery        = 5                // of these looks, one is at the phones themselves
)

// stream is one open page.
type stream struct {
	phone, user string
	token       string
	news        chan struct{} // one piece of news is like ten: the page asks what is
}

// streams are all open pages.
type streams struct {
	rung chan struct{} // something may be new
	over chan struct{} // closed when all is to end

	mu     sync.Mutex
	open   map[*stream]bool
	phones map[string]int
	closed bool
}

func newStreams() *streams {
	return &streams{rung: make(chan struct{}, 1), over: make(chan struct{}), open: map[*stream]bool{}, phones: map[string]int{}}
}

func (s *streams) ring() { signal(s.rung) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is on its way
	}
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.over)
	}
}

// enter is false where there are too many, or all is to end.
func (s *streams) enter(one *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= maxStreams || s.phones[one.phone] >= maxStreamsOfAPhone {
		return false
	}
	s.open[one] = true
	s.phones[one.phone]++
	return true
}

func (s *streams) leave(one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, one)
	if s.phones[one.phone]--; s.phones[one.phone] <= 0 {
		delete(s.phones, one.phone)
	}
}

func (s *streams) all() (out []*stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		out = append(out, one)
	}
	return out
}

// look tells the pages whose pushes differ from what was seen; and, where phones
// are to be looked at, those that are phones no more.
func (s *Server) look(ctx context.Context, seen map[string]string, phones bool) (now map[string]string, err error) {
	open := s.streams.all()
	if len(open) == 0 {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *sql.Tx) error {
		if now, err = s.Factors.Standing(ctx, tx); err != nil {
			return err
		}
		for _, one := range open {
			if now[one.user] != seen[one.user] {
				signal(one.news)
				continue
			}
			if !phones {
				continue
			}
			if _, err := s.Factors.FindPhone(ctx, tx, one.token, ""); errors.Is(err, factor.ErrNoPhone) {
				signal(one.news)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return now, err
}

// events is the stream of a page: that something is new, never what.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	c := call{Request: r, w: w, ctx: r.Context()}
	one := &stream{token: c.cookie(phoneCookie), news: make(chan struct{}, 1)}
	err := s.phonePaced(c)
	if err == nil {
		err = s.DB.View(c.ctx, func(tx *sql.Tx) error {
			p, err := s.Factors.FindPhone(c.ctx, tx, one.token, "")
			one.phone, one.user = p.ID, p.User.ID
			return err
		})
	}
	if err == nil && !s.streams.enter(one) {
		err = &refusal{status: http.StatusServiceUnavailable, wait: heartbeat, Code: "too_many", Message: "Too many pages are open. Close the others."}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer s.streams.leave(one)
	signal(one.news) // whatever happened until now
	s.send(w, r, one)
}

// send writes until the page goes away, the server ends, or the time is over.
func (s *Server) send(w http.ResponseWriter, r *http.Request, one *stream) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that waits for more would keep the news
	to := http.NewResponseController(w)
	// The listener's times for a request would end the stream. What is written in
	// a stream's life is so little that it never waits for the one who reads.
	_ = errors.Join(to.SetReadDeadline(time.Time{}), to.SetWriteDeadline(time.Time{}))
	beats, end := time.NewTicker(heartbeat), time.NewTimer(streamLife)
	defer beats.Stop()
	defer end.Stop()
	for piece := "retry: 2000\n\n"; ; {
		if _, err := fmt.Fprint(w, piece); err != nil || to.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.streams.over:
			return
		case <-end.C:
			return
		case <-one.news:
			piece = "event: news\ndata: {}\n\n"
		case <-beats.C:
			piece = ": still here\n\n"
		}
	}
}
