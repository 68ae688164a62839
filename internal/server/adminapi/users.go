package adminapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

func (s *Server) listUsers(c call) (answer, error) {
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	if err = errors.Join(err, only(q, "q", "limit", "after")); err != nil {
		return answer{}, refuse(c, access.UsersRead, err)
	}
	found, err := s.Desk.Users(c.ctx, cut(q.Get("q"), maxQuery), p)
	out, after := ok(bodies(found, s.userBody)), ""
	if len(found) == p.Limit {
		after = found[len(found)-1].ID
	}
	out.header = s.links(c, after)
	return out, err
}

func (s *Server) createUser(c call) (answer, error) {
	var in struct {
		Profile userProfile `json:"profile"`
	}
	if err := c.body(access.UsersManage, &in); err != nil {
		return answer{}, err
	}
	p := in.Profile
	u, err := s.Desk.CreateUser(c.ctx, directory.User{Login: p.Login, Email: p.Email, FirstName: p.FirstName, LastName: p.LastName})
	var bad *desk.InvalidError
	if errors.As(err, &bad) {
		err = invalid("profile." + bad.Error())
	}
	return ok(s.userBody(u)), err
}

func (s *Server) getUser(c call) (answer, error) {
	u, err := s.Desk.User(c.ctx, c.PathValue("userId"))
	return ok(s.userBody(u)), err
}

// userDevices is Okta's list of the devices of a user.
func (s *Server) userDevices(c call) (answer, error) {
	type entry struct {
		Created  time.Time  `json:"created"`
		Device   deviceBody `json:"device"`
		DeviceID string     `json:"deviceUserId"`
	}
	found, err := s.Desk.UserDevices(c.ctx, c.PathValue("userId"))
	return ok(bodies(found, func(d directory.Device) entry {
		return entry{Created: d.CreatedAt, Device: s.deviceBody(d), DeviceID: d.ID}
	})), err
}

func (s *Server) changeUser(c call) (answer, error) {
	op := c.PathValue("operation")
	_, err := s.Desk.ChangeUser(c.ctx, c.PathValue("userId"), directory.Lifecycle(op))
	var unknown *desk.InvalidError
	if errors.As(err, &unknown) {
		err = invalid(fmt.Sprintf("%q: want activate, deactivate, suspend, unsuspend or reset_factors", op))
	}
	return ok(map[string]string{}), err
}

// resetFactors removes the user's factors here, and tells every Mac of the user
// to drop theirs at its next check-in.
func (s *Server) resetFactors(c call) (answer, error) {
	return ok(map[string]string{}), s.Desk.ResetUserFactors(c.ctx, c.PathValue("userId"))
}
