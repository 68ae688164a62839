package adminapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

func (s *Server) listDevices(c call) (answer, error) {
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	err = errors.Join(err, only(q, "q", "limit", "after"))
	if len(q.Get("q")) > maxQuery {
		err = invalid(fmt.Sprintf("q: at most %d bytes", maxQuery))
	}
	if err != nil {
		return answer{}, errors.Join(access.Require(c.ctx, access.DevicesRead), err)
	}
	found, err := s.Desk.Devices(c.ctx, q.Get("q"), p)
	out := ok(bodies(found, s.deviceBody))
	if len(found) == p.Limit {
		out.header = s.next(c, found[len(found)-1].ID)
	}
	return out, err
}

func bodies[T, B any](from []T, body func(T) B) []B {
	out := make([]B, 0, len(from))
	for _, v := range from {
		out = append(out, body(v))
	}
	return out
}

func (s *Server) getDevice(c call) (answer, error) {
	m, err := s.Desk.Device(c.ctx, c.PathValue("deviceId"))
	return ok(s.deviceBody(m.Device)), err
}

// deleteDevice removes a deactivated Mac, as Okta's API does.
func (s *Server) deleteDevice(c call) (answer, error) {
	return done(), s.Desk.DeleteDevice(c.ctx, c.PathValue("deviceId"))
}

// changeDevice is a step in a Mac's life. Confirm and reject decide about a
// certificate that waits.
func (s *Server) changeDevice(c call) (answer, error) {
	id, op := c.PathValue("deviceId"), c.PathValue("operation")
	var err error
	switch op {
	case "confirm":
		err = s.confirm(c, id)
	case "reject":
		_, err = s.Desk.Reject(c.ctx, id)
	default:
		_, err = s.Desk.ChangeDevice(c.ctx, id, directory.Lifecycle(op))
		var unknown *desk.InvalidError
		if errors.As(err, &unknown) {
			err = invalid(fmt.Sprintf("%q: want activate, deactivate, suspend, unsuspend, confirm or reject", op))
		}
	}
	return done(), err
}

// confirm takes the fingerprint of what was looked at, or no body.
func (s *Server) confirm(c call, id string) error {
	var in struct {
		Certificate string `json:"certificate"`
	}
	if c.ContentLength != 0 {
		if err := c.body(access.DevicesManage, &in); err != nil {
			return err
		}
	}
	_, err := s.Desk.Confirm(c.ctx, id, in.Certificate)
	return err
}

// confirmDevices confirms the Macs with the given ids and serial numbers, as
// from a list of one's own.
func (s *Server) confirmDevices(c call) (answer, error) {
	var in struct {
		IDs     []string `json:"ids"`
		Serials []string `json:"serialNumbers"`
	}
	var out struct {
		Confirmed []string `json:"confirmed"`
		Passed    []string `json:"passed"`
	}
	err := c.body(access.DevicesManage, &in)
	if err == nil {
		out.Confirmed, out.Passed, err = s.Desk.ConfirmMany(c.ctx, in.IDs, in.Serials)
	}
	return ok(out), err
}

// deviceUsers is Okta's list of the users of a device.
func (s *Server) deviceUsers(c call) (answer, error) {
	type entry struct {
		Created          time.Time `json:"created"`
		ManagementStatus string    `json:"managementStatus"`
		User             userBody  `json:"user"`
	}
	owners, err := s.Desk.DeviceUsers(c.ctx, c.PathValue("deviceId"))
	return ok(bodies(owners, func(o desk.Owner) entry {
		return entry{Created: o.Since, ManagementStatus: "MANAGED", User: s.userBody(o.User)}
	})), err
}
