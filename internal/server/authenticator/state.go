package authenticator

import (
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// Where a browser is.
const (
	atNone      = "none"      // it is nobody's phone
	atEnrolling = "enrolling" // an invitation is open
	atRemoved   = "removed"   // it was somebody's phone
	atLocked    = "locked"
	atUnlocked  = "unlocked"
)

// standing is all that the page shows. A locked one learns that something waits,
// and the name that its owner gave it.
type standing struct {
	State   string     `json:"state"`
	Kind    string     `json:"kind,omitempty"` // of what is set up
	Login   string     `json:"login,omitempty"`
	Person  string     `json:"person,omitempty"`
	Phone   string     `json:"phone,omitempty"`
	Seconds int        `json:"seconds,omitempty"` // until it is locked, or the set-up ends
	Waiting bool       `json:"waiting"`
	Pushes  []question `json:"pushes,omitempty"`
	Ended   []ended    `json:"ended,omitempty"`
	Stopped string     `json:"stopped,omitempty"` // "blocked" or "paused"
	Until   *time.Time `json:"until,omitempty"`   // of a pause
	WebPush webPush    `json:"webPush"`
}

// question is a push that waits for an answer.
type question struct {
	ID      string    `json:"id"`
	Login   string    `json:"login"`
	Mac     string    `json:"mac"`
	Serial  string    `json:"serial"`
	From    string    `json:"from,omitempty"`
	AskedAt time.Time `json:"askedAt"`
	Seconds int       `json:"seconds"` // until it is too late
	Number  bool      `json:"number"`  // the Mac shows one that is to be typed
}

// ended is a push of the last minutes that does not wait any more.
type ended struct {
	ID      string    `json:"id"`
	Mac     string    `json:"mac"`
	AskedAt time.Time `json:"askedAt"`
	State   string    `json:"state"`
	Reason  string    `json:"reason,omitempty"`
	Here    bool      `json:"here"` // this phone has answered it
}

// webPush is whether the page may ask for notifications.
type webPush struct {
	Key        string `json:"key,omitempty"` // "" is no
	Subscribed bool   `json:"subscribed"`
}

func (s *Server) state(c call) (any, error) {
	return s.standing(c, c.cookie(phoneCookie), c.cookie(unlockCookie), c.cookie(visitCookie))
}

// standing is that of a browser by its tokens.
func (s *Server) standing(c call, phone, unlock, visit string) (out standing, err error) {
	key, err := s.Push.Key(c.ctx)
	if err != nil {
		return out, err
	}
	err = s.DB.View(c.ctx, func(tx *sql.Tx) error {
		v, err := s.Factors.FindVisit(c.ctx, tx, visit)
		if err == nil {
			out = standing{State: atEnrolling, Kind: v.Kind, Login: v.User.Login, Person: v.User.Name(), Seconds: left(v.Until, s.Now())}
			return nil
		}
		if !errors.Is(err, factor.ErrNoVisit) {
			return err
		}
		out, err = s.ofPhone(c, tx, phone, unlock)
		out.WebPush.Key = key
		return err
	})
	return out, err
}

func (s *Server) ofPhone(c call, tx *sql.Tx, token, unlock string) (out standing, err error) {
	p, err := s.Factors.FindPhone(c.ctx, tx, token, unlock)
	switch {
	case token == "":
		return standing{State: atNone}, nil
	case errors.Is(err, factor.ErrNoPhone):
		return standing{State: atRemoved}, nil
	case err != nil:
		return out, err
	}
	pushes, err := s.Factors.PushesOf(c.ctx, tx, p.User.ID)
	if err != nil {
		return out, err
	}
	out = standing{State: atLocked, Phone: p.Name}
	for _, q := range pushes {
		out.Waiting = out.Waiting || q.State == factor.Waiting
	}
	if p.UnlockedUntil.IsZero() {
		return out, nil
	}
	out.State, out.Login, out.Person, out.Seconds, out.WebPush.Subscribed = atUnlocked, p.User.Login, p.User.Name(), left(p.UnlockedUntil, s.Now()), p.Subscribed
	out.add(p, pushes, s.Now())
	stop, err := s.Factors.StopOf(c.ctx, tx, p.User.ID)
	switch {
	case stop.Blocked():
		out.Stopped = "blocked"
	case stop.PausedUntil.After(s.Now()):
		out.Stopped, out.Until = "paused", &stop.PausedUntil
	}
	return out, err
}

// add sorts the pushes into those that wait and those that have ended.
func (out *standing) add(p factor.Phone, pushes []factor.Push, now time.Time) {
	for _, q := range pushes {
		if q.State == factor.Waiting {
			out.Pushes = append(out.Pushes, question{ID: q.ID, Login: q.User.Login, Mac: q.Device.Label(), Serial: q.Device.Serial, From: q.From, AskedAt: q.AskedAt.UTC(),
				Seconds: left(q.ExpiresAt, now), Number: len(q.Numbers) > 0})
			continue
		}
		out.Ended = append(out.Ended, ended{ID: q.ID, Mac: q.Device.Label(), AskedAt: q.AskedAt.UTC(), State: string(q.State), Reason: q.Reason, Here: q.AnsweredBy == p.ID})
	}
}

// left is how many seconds are left until a moment, rounded up.
func left(until, now time.Time) int { return int((until.Sub(now) + time.Second - 1) / time.Second) }
