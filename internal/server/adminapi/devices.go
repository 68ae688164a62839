package adminapi

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

func (s *Server) listDevices(c call) (answer, error) {
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	err = errors.Join(err, only(q, "q", "search", "expand", "limit", "after"), listable(q))
	if err != nil {
		return answer{}, refuse(c, access.DevicesRead, err)
	}
	var found []directory.Device
	if text := q.Get("search"); text != "" {
		search, err := expression("search", text)
		if err != nil {
			return answer{}, refuse(c, access.DevicesRead, err)
		}
		found, err = s.Desk.SearchDevices(c.ctx, search, p)
		if err != nil {
			return answer{}, named("search", err)
		}
	} else if found, err = s.Desk.Devices(c.ctx, q.Get("q"), p); err != nil {
		return answer{}, err
	}
	list, err := s.listed(c, found, q.Get("expand"))
	out := ok(list)
	after := ""
	if len(found) == p.Limit {
		after = found[len(found)-1].ID
	}
	out.header = s.links(c, after)
	return out, err
}

// listable: a list by words and by an expression would be two lists.
func listable(q url.Values) error {
	if len(q.Get("q")) > maxQuery {
		return invalid(fmt.Sprintf("q: at most %d bytes", maxQuery))
	}
	if q.Get("q") != "" && q.Get("search") != "" {
		return invalid("q and search: want one of them")
	}
	if e := q.Get("expand"); e != "" && e != "user" && e != "userSummary" {
		return invalid(fmt.Sprintf("expand: %q, want user or userSummary", e))
	}
	return nil
}

// listedDevice is Okta's device in a list, with its users where they were asked
// for.
type listedDevice struct {
	deviceBody
	Embedded *embedded `json:"_embedded,omitempty"`
}

type embedded struct {
	Users []any `json:"users"`
}

func (s *Server) listed(c call, found []directory.Device, expand string) ([]listedDevice, error) {
	var users map[string][]desk.Owner
	if expand != "" {
		ids := make([]string, 0, len(found))
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		var err error
		if users, err = s.Desk.Owners(c.ctx, ids); err != nil {
			return nil, err
		}
	}
	return bodies(found, func(d directory.Device) listedDevice {
		out := listedDevice{deviceBody: s.deviceBody(d)}
		if expand != "" {
			out.Embedded = &embedded{Users: make([]any, 0, len(users[d.ID]))}
			for _, o := range users[d.ID] {
				out.Embedded.Users = append(out.Embedded.Users, s.ownerBody(o, expand == "userSummary"))
			}
		}
		return out
	}), nil
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

// ownerBody is a user of a Mac; a summary leaves out where the user is in their
// life.
func (s *Server) ownerBody(o desk.Owner, summary bool) any {
	type entry[U any] struct {
		Created          time.Time `json:"created"`
		ManagementStatus string    `json:"managementStatus"`
		User             U         `json:"user"`
	}
	u := s.userBody(o.User)
	if summary {
		return entry[userSummary]{o.Since, "MANAGED", userSummary{ID: u.ID, Profile: u.Profile, Links: u.Links}}
	}
	return entry[userBody]{o.Since, "MANAGED", u}
}

// deviceUsers is Okta's list of the users of a device.
func (s *Server) deviceUsers(c call) (answer, error) {
	owners, err := s.Desk.DeviceUsers(c.ctx, c.PathValue("deviceId"))
	return ok(bodies(owners, func(o desk.Owner) any { return s.ownerBody(o, false) })), err
}
