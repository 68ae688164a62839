package adminapi

import (
	"net/http"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
)

// names are the Mac and the account that the path names.
func (c call) names() (deviceID, accountID string) {
	return c.PathValue("deviceId"), c.PathValue("osAccountId")
}

// atCheckIn is an order that the Mac hears when it next checks in.
func atCheckIn() answer {
	return answer{status: http.StatusAccepted, body: map[string]string{"effective": "nextCheckIn"}}
}

func (s *Server) listAccounts(c call) (answer, error) {
	m, err := s.Desk.Device(c.ctx, c.PathValue("deviceId"))
	return ok(bodies(m.Accounts, s.accountBody)), err
}

func (s *Server) getAccount(c call) (answer, error) {
	device, account := c.names()
	a, err := s.Desk.Account(c.ctx, device, account)
	return ok(s.accountBody(a)), err
}

// setPrelink names the org user that an account may link itself to.
func (s *Server) setPrelink(c call) (answer, error) {
	var in struct {
		Login string `json:"login"`
	}
	if err := c.body(access.UsersManage, &in); err != nil {
		return answer{}, err
	}
	device, account := c.names()
	a, err := s.Desk.SetPrelink(c.ctx, device, account, in.Login)
	return ok(s.accountBody(a)), err
}

// resetAccountFactors resets one account, which need not be linked to anyone.
func (s *Server) resetAccountFactors(c call) (answer, error) {
	device, account := c.names()
	return atCheckIn(), s.Desk.ResetAccountFactors(c.ctx, device, account)
}

// issuePIN makes a PIN. Only reading the Mac is asked for before the body is
// read: whether the caller may generate is one of the rules of issue, so that
// its lack is an event too.
func (s *Server) issuePIN(c call) (answer, error) {
	if err := access.Require(c.ctx, access.DevicesRead); err != nil {
		return answer{}, err
	}
	in, err := DecodePIN(c.Body)
	if err != nil {
		return answer{}, err
	}
	device, account := c.names()
	issued, err := s.Desk.Issue(c.ctx, recovery.Request{DeviceID: device, AccountID: account, Reason: in.Reason, Ticket: in.Ticket, DeviceCode: in.DeviceCode})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: issued}, nil
}

func (s *Server) listPINs(c call) (answer, error) {
	device, account := c.names()
	pins, err := s.Desk.PINs(c.ctx, device, account)
	return ok(bodies(pins, pin)), err
}

func (s *Server) voidPIN(c call) (answer, error) {
	device, account := c.names()
	return atCheckIn(), s.Desk.VoidPIN(c.ctx, device, account, c.PathValue("pinId"))
}
