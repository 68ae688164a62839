package adminapi

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (s *Server) listDevices(c call) (answer, error) {
	var found []directory.Device
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	err = errors.Join(err, only(q, "q", "limit", "after"))
	if len(q.Get("q")) > maxQuery {
		err = invalid(fmt.Sprintf("q: at most %d bytes", maxQuery))
	}
	if denied := access.Require(c.ctx, access.DevicesRead); denied != nil || err != nil {
		return answer{}, errors.Join(denied, err)
	}
	err = s.DB.View(c.ctx, func(tx *sql.Tx) error {
		found, err = directory.Devices(c.ctx, tx, q.Get("q"), p)
		return err
	})
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
	var d directory.Device
	err := s.view(c, access.DevicesRead, func(tx *sql.Tx) (err error) {
		d, err = directory.DeviceByID(c.ctx, tx, c.PathValue("deviceId"))
		return err
	})
	return ok(s.deviceBody(d)), err
}

// changeDevice is a step in a Mac's life. Confirm and reject decide about a
// certificate that waits.
func (s *Server) changeDevice(c call) (answer, error) {
	op := c.PathValue("operation")
	kinds := map[string]string{"activate": systemlog.DeviceActivate, "deactivate": systemlog.DeviceDeactivate, "suspend": systemlog.DeviceSuspend,
		"unsuspend": systemlog.DeviceUnsuspend, "confirm": systemlog.DeviceConfirm, "reject": systemlog.DeviceReject}
	err := s.update(c, access.DevicesManage, func(tx *sql.Tx) error {
		kind, known := kinds[op]
		if !known {
			return invalid(fmt.Sprintf("%q: want activate, deactivate, suspend, unsuspend, confirm or reject", op))
		}
		d, err := s.changed(c, tx, op)
		if err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: kind, Message: "Device: " + op, Targets: []systemlog.Target{deviceTarget(d)}})
	})
	return done(), err
}

func (s *Server) changed(c call, tx *sql.Tx, op string) (directory.Device, error) {
	id := c.PathValue("deviceId")
	switch op {
	case "confirm":
		var in struct {
			Certificate string `json:"certificate"`
		}
		if c.ContentLength != 0 {
			if err := decode(c.Body, &in); err != nil {
				return directory.Device{}, err
			}
		}
		return directory.Confirm(c.ctx, tx, id, in.Certificate, s.Now())
	case "reject":
		return s.reject(c, tx, id)
	}
	return directory.ChangeDevice(c.ctx, tx, id, directory.Lifecycle(op), s.Now())
}

// reject drops the claim and ends its certificate: it would come back at the
// next check-in otherwise.
func (s *Server) reject(c call, tx *sql.Tx, id string) (directory.Device, error) {
	before, err := directory.DeviceByID(c.ctx, tx, id)
	if err != nil {
		return before, err
	}
	d, err := directory.Reject(c.ctx, tx, id, s.Now())
	if err != nil {
		return d, err
	}
	return d, pki.RevokeCertificate(c.ctx, tx, before.Claim, s.Now())
}

func deviceTarget(d directory.Device) systemlog.Target {
	return systemlog.Target{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}
}

// maxBulk is how many Macs one request confirms.
const maxBulk = 1000

// confirmDevices confirms the Macs with the given ids and serial numbers, as
// from a list of one's own. Those where nothing waits are told, and change
// nothing.
func (s *Server) confirmDevices(c call) (answer, error) {
	var in struct {
		IDs     []string `json:"ids"`
		Serials []string `json:"serialNumbers"`
	}
	out := struct {
		Confirmed []string `json:"confirmed"`
		Passed    []string `json:"passed"`
	}{[]string{}, []string{}}
	err := s.update(c, access.DevicesManage, func(tx *sql.Tx) error {
		if err := decode(c.Body, &in); err != nil {
			return err
		}
		if n := len(in.IDs) + len(in.Serials); n == 0 || n > maxBulk {
			return invalid(fmt.Sprintf("ids and serialNumbers: %d, want 1 to %d", n, maxBulk))
		}
		for _, serial := range in.Serials {
			devices, err := directory.DevicesBySerial(c.ctx, tx, serial)
			if err != nil {
				return err
			}
			if len(devices) == 0 {
				out.Passed = append(out.Passed, serial)
			}
			for _, d := range devices {
				in.IDs = append(in.IDs, d.ID)
			}
		}
		for _, id := range in.IDs {
			d, err := directory.Confirm(c.ctx, tx, id, "", s.Now())
			if errors.Is(err, directory.ErrState) || errors.Is(err, directory.ErrNotFound) {
				out.Passed = append(out.Passed, id)
				continue
			}
			if err == nil {
				err = s.event(c, tx, systemlog.Event{Type: systemlog.DeviceConfirm, Message: "Device: confirm", Targets: []systemlog.Target{deviceTarget(d)}})
			}
			if err != nil {
				return err
			}
			out.Confirmed = append(out.Confirmed, id)
		}
		return nil
	})
	return answer{status: http.StatusOK, body: out}, err
}

// deviceUsers is Okta's list of the users of a device.
func (s *Server) deviceUsers(c call) (answer, error) {
	type entry struct {
		Created          any      `json:"created"`
		ManagementStatus string   `json:"managementStatus"`
		User             userBody `json:"user"`
	}
	out := []entry{}
	err := s.view(c, access.DevicesRead, func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(c.ctx, tx, c.PathValue("deviceId"))
		if err != nil {
			return err
		}
		accounts, err := directory.Accounts(c.ctx, tx, d.ID)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, a := range accounts {
			owners, err := directory.Owners(c.ctx, tx, a)
			if err != nil {
				return err
			}
			for _, u := range owners {
				if !seen[u.ID] {
					out = append(out, entry{Created: a.CreatedAt, ManagementStatus: "MANAGED", User: s.userBody(u)})
				}
				seen[u.ID] = true
			}
		}
		return nil
	})
	return ok(out), err
}
