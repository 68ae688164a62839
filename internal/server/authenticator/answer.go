package authenticator

import (
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// asPhone is the caller as an unlocked phone, for the answers and their events.
func (s *Server) asPhone(c call) (by factor.By, err error) {
	err = s.DB.View(c.ctx, func(tx *sql.Tx) error {
		p, err := s.Factors.FindUnlocked(c.ctx, tx, c.cookie(phoneCookie), c.cookie(unlockCookie))
		by = c.by
		by.Phone = &p
		by.Actor = systemlog.Actor{ID: p.User.ID, Type: "User", AlternateID: p.User.Login, DisplayName: p.User.Name()}
		return err
	})
	return by, err
}

// approve takes yes, with the number on the Mac where there is one.
func (s *Server) approve(c call) (any, error) {
	var in struct {
		Number string `json:"number"`
	}
	if err := c.body(&in); err != nil {
		return nil, err
	}
	return s.answered(c, func(by factor.By) error { return s.Factors.Approve(c.ctx, c.PathValue("push"), in.Number, by) })
}

// deny takes no.
func (s *Server) deny(c call) (any, error) {
	return s.answered(c, func(by factor.By) error { return s.Factors.Deny(c.ctx, c.PathValue("push"), false, by) })
}

// notMe takes "this wasn't me", which stops the pushes.
func (s *Server) notMe(c call) (any, error) {
	return s.answered(c, func(by factor.By) error { return s.Factors.Deny(c.ctx, c.PathValue("push"), true, by) })
}

func (s *Server) answered(c call, do func(by factor.By) error) (any, error) {
	by, err := s.asPhone(c)
	if err != nil {
		return nil, err
	}
	err = do(by)
	s.streams.ring() // the other phones have nothing to answer any more
	if err != nil {
		return nil, err
	}
	return s.state(c)
}

// subscribe keeps where Web Push reaches the phone.
func (s *Server) subscribe(c call) (any, error) {
	var in subscription
	if err := c.body(&in); err != nil {
		return nil, err
	}
	by, err := s.asPhone(c)
	if err != nil {
		return nil, err
	}
	if key, err := s.Push.Key(c.ctx); err != nil || key == "" {
		return nil, either(err, no(409, "web_push_off", "Your org does not use notifications."))
	}
	raw, err := in.encode()
	if err != nil {
		return nil, err
	}
	service, err := s.Push.Check(raw)
	if err != nil {
		return nil, no(400, "web_push_service", "The notifications of this browser go through a service that your org does not use.")
	}
	if err := s.Factors.Subscribe(c.ctx, raw, service, by); err != nil {
		return nil, err
	}
	return s.state(c)
}

// unsubscribe forgets it.
func (s *Server) unsubscribe(c call) (any, error) {
	by, err := s.asPhone(c)
	if err != nil {
		return nil, err
	}
	if err := s.Factors.Unsubscribe(c.ctx, by.Phone.ID, "UNSUBSCRIBED", by); err != nil {
		return nil, err
	}
	return s.state(c)
}

func either(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
