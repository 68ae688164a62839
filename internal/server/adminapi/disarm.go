package adminapi

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// disarmBody is the last remote disarm of a Mac. What has not been is null.
type disarmBody struct {
	State     directory.DisarmState `json:"state"`
	OrderedAt *time.Time            `json:"orderedAt"`
	Until     *time.Time            `json:"until"`
	HeardAt   *time.Time            `json:"heardAt"`
}

func (s *Server) getDisarm(c call) (answer, error) {
	d, err := s.Desk.Disarmed(c.ctx, c.PathValue("deviceId"))
	return ok(disarmBody{d.State, moment(d.OrderedAt), moment(d.Until), moment(d.HeardAt)}), err
}

// disarm is refused, with the reason, and an event. It wants the proof that a
// person is there, and nothing that a token sends is one; that stands here, and
// not nowhere, for whoever looks for the address.
func (s *Server) disarm(c call) (answer, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := c.body(access.LoginRightDisarm, &in); err != nil {
		return answer{}, err
	}
	_, err := s.Desk.Disarm(c.ctx, c.PathValue("deviceId"), in.Reason)
	return atCheckIn(), err
}

func (s *Server) endDisarm(c call) (answer, error) {
	return atCheckIn(), s.Desk.EndDisarm(c.ctx, c.PathValue("deviceId"))
}
