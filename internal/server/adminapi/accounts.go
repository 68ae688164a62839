package adminapi

import (
	"database/sql"
	"net/http"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// account is the Mac and the account that the path names.
func (s *Server) account(c call, tx *sql.Tx) (directory.Device, directory.Account, error) {
	d, err := directory.DeviceByID(c.ctx, tx, c.PathValue("deviceId"))
	if err != nil {
		return d, directory.Account{}, err
	}
	a, err := directory.AccountByID(c.ctx, tx, d.ID, c.PathValue("osAccountId"))
	return d, a, err
}

func (s *Server) listAccounts(c call) (answer, error) {
	out := []accountBody{}
	err := s.view(c, access.DevicesRead, func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(c.ctx, tx, c.PathValue("deviceId"))
		if err != nil {
			return err
		}
		accounts, err := directory.Accounts(c.ctx, tx, d.ID)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			state, err := s.Book.StateOf(c.ctx, tx, a)
			if err != nil {
				return err
			}
			out = append(out, s.accountBody(a, state))
		}
		return nil
	})
	return ok(out), err
}

func (s *Server) getAccount(c call) (answer, error) {
	var out accountBody
	err := s.view(c, access.DevicesRead, func(tx *sql.Tx) error {
		_, a, err := s.account(c, tx)
		if err != nil {
			return err
		}
		state, err := s.Book.StateOf(c.ctx, tx, a)
		out = s.accountBody(a, state)
		return err
	})
	return ok(out), err
}

// setPrelink names the org user that an account may link itself to.
func (s *Server) setPrelink(c call) (answer, error) {
	var in struct {
		Login string `json:"login"`
	}
	var out accountBody
	err := s.update(c, access.UsersManage, func(tx *sql.Tx) error {
		err := decode(c.Body, &in)
		if err == nil {
			in.Login, err = text("login", in.Login, maxName, false)
		}
		if err != nil {
			return err
		}
		d, a, err := s.account(c, tx)
		if err != nil {
			return err
		}
		if a, err = directory.SetPrelink(c.ctx, tx, d.ID, a.ID, in.Login, s.Now()); err != nil {
			return err
		}
		state, err := s.Book.StateOf(c.ctx, tx, a)
		if err != nil {
			return err
		}
		out = s.accountBody(a, state)
		return s.event(c, tx, systemlog.Event{Type: systemlog.AccountPrelink, Message: "Account pre-linked by admin",
			Targets: []systemlog.Target{deviceTarget(d), accountTarget(a)}, Detail: map[string]string{"login": in.Login}})
	})
	return ok(out), err
}

func accountTarget(a directory.Account) systemlog.Target {
	return systemlog.Target{ID: a.ID, Type: "OSAccount", AlternateID: a.Name, DisplayName: a.FullName}
}

// resetAccountFactors resets one account, which need not be linked to anyone.
func (s *Server) resetAccountFactors(c call) (answer, error) {
	err := s.update(c, access.FactorsReset, func(tx *sql.Tx) error {
		d, a, err := s.account(c, tx)
		if err != nil {
			return err
		}
		if err := directory.Order(c.ctx, tx, d.ID, wire.CommandResetFactors, a.GUID, s.Now()); err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: systemlog.ResetFactors, Severity: systemlog.Warn, Message: "Reset all factors of an account",
			Targets: []systemlog.Target{deviceTarget(d), accountTarget(a)}})
	})
	return answer{status: http.StatusAccepted, body: map[string]string{"effective": "nextCheckIn"}}, err
}

// issuePIN makes a PIN. Reading the device is asked for here; the permission
// to generate is one of the rules of issue, so that its lack is an event too.
func (s *Server) issuePIN(c call) (answer, error) {
	if err := access.Require(c.ctx, access.DevicesRead); err != nil {
		return answer{}, err
	}
	in, err := DecodePIN(c.Body)
	if err != nil {
		return answer{}, err
	}
	issued, err := s.Book.Issue(c.ctx, recovery.Request{DeviceID: c.PathValue("deviceId"), AccountID: c.PathValue("osAccountId"),
		Reason: in.Reason, Ticket: in.Ticket, DeviceCode: strings.TrimSpace(in.DeviceCode), Client: c.client, RequestID: c.id})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: issued}, nil
}

func (s *Server) listPINs(c call) (answer, error) {
	out := []pinBody{}
	err := s.view(c, access.DevicesRead, func(tx *sql.Tx) error {
		_, a, err := s.account(c, tx)
		if err != nil {
			return err
		}
		pins, err := s.Book.List(c.ctx, tx, a.ID)
		out = bodies(pins, pin)
		return err
	})
	return ok(out), err
}

func (s *Server) voidPIN(c call) (answer, error) {
	err := s.update(c, access.PINGenerate, func(tx *sql.Tx) error {
		d, a, err := s.account(c, tx)
		if err != nil {
			return err
		}
		return s.Book.Void(c.ctx, tx, d, a, c.PathValue("pinId"), c.client)
	})
	return answer{status: http.StatusAccepted, body: map[string]string{"effective": "nextCheckIn"}}, err
}
