package authenticator

import (
	"encoding/json"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// open uses an invitation up.
func (s *Server) open(c call) (any, error) {
	if err := s.within(c.ctx, s.openings, "opening "+address(c.Request), c.Request); err != nil {
		return nil, err
	}
	var in struct {
		Code string `json:"code"`
	}
	if err := c.body(&in); err != nil {
		return nil, err
	}
	_, token, err := s.Factors.OpenInvitation(c.ctx, in.Code, c.by)
	if err != nil {
		return nil, err
	}
	c.keep(visitCookie, token, factor.VisitLife)
	return s.standing(c, "", "", token)
}

// enrolChallenge is what the browser is to be given to make a passkey, or to
// ask a security key.
func (s *Server) enrolChallenge(c call) (any, error) {
	options, err := s.Factors.BeginEnrol(c.ctx, c.cookie(visitCookie))
	return json.RawMessage(options), err
}

// duplicate is told by the page when the authenticator says that it is set up
// already: it gives no answer that could be sent.
func (s *Server) duplicate(c call) (any, error) {
	if err := s.Factors.TellDuplicate(c.ctx, c.cookie(visitCookie), c.by); err != nil {
		return nil, err
	}
	return nil, factor.ErrEnrolled
}

// leave gives the set-up up in this browser, which may be a phone that is asked
// meanwhile. The invitation stays used.
func (s *Server) leave(c call) (any, error) {
	c.keep(visitCookie, "", 0)
	return s.standing(c, c.cookie(phoneCookie), c.cookie(unlockCookie), "")
}

// enrol sets a phone or a security key up. A phone's browser is known from then
// on.
func (s *Server) enrol(c call) (any, error) {
	var in struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := c.body(&in); err != nil {
		return nil, err
	}
	f, phone, err := s.Factors.FinishEnrol(c.ctx, c.cookie(visitCookie), in.Name, in.Credential, c.by)
	if err != nil {
		return nil, err
	}
	c.keep(visitCookie, "", 0)
	if f.Kind == factor.KindKey {
		return standing{State: "key_ready", Phone: f.Name}, nil
	}
	c.keep(phoneCookie, phone, phoneLife)
	c.keep(unlockCookie, "", 0)
	return s.standing(c, phone, "", "")
}

// unlockChallenge is what the browser is to be given to ask for the passkey.
func (s *Server) unlockChallenge(c call) (any, error) {
	options, err := s.Factors.BeginUnlock(c.ctx, c.cookie(phoneCookie))
	return json.RawMessage(options), err
}

// unlock begins a session with the passkey's answer.
func (s *Server) unlock(c call) (any, error) {
	var in struct {
		Credential json.RawMessage `json:"credential"`
	}
	if err := c.body(&in); err != nil {
		return nil, err
	}
	phone := c.cookie(phoneCookie)
	unlock, err := s.Factors.Unlock(c.ctx, phone, in.Credential, c.by)
	if err != nil {
		return nil, err
	}
	c.keep(phoneCookie, phone, phoneLife) // a phone that is in use is not forgotten
	c.keep(unlockCookie, unlock, factor.UnlockLife)
	return s.standing(c, phone, unlock, "")
}

// lock ends the session before its time.
func (s *Server) lock(c call) (any, error) {
	phone := c.cookie(phoneCookie)
	if err := s.Factors.Lock(c.ctx, phone); err != nil {
		return nil, err
	}
	c.keep(unlockCookie, "", 0)
	return s.standing(c, phone, "", "")
}
