package adminapi

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// factorBody is Okta's factor, with what only Latchkey knows in one member.
type factorBody struct {
	ID          string      `json:"id"`
	Type        string      `json:"factorType"`
	Provider    string      `json:"provider"`
	Status      string      `json:"status"`
	Created     time.Time   `json:"created"`
	LastUpdated time.Time   `json:"lastUpdated"`
	Latchkey    factorExtra `json:"latchkey"`
}

type factorExtra struct {
	Name      string     `json:"name"`
	LastUsed  *time.Time `json:"lastUsed"`
	Passkey   bool       `json:"passkey"`
	Suspended *time.Time `json:"suspendedAt"`
}

func factorOf(f factor.Factor) factorBody {
	kind := map[string]string{factor.KindTOTP: "token:software:totp", factor.KindPush: "push", factor.KindKey: "webauthn"}[f.Kind]
	status := "ACTIVE"
	switch {
	case !f.Confirmed:
		status = "PENDING_ACTIVATION"
	case !f.Usable():
		status = "INACTIVE"
	}
	return factorBody{ID: f.ID, Type: kind, Provider: "LATCHKEY", Status: status, Created: f.CreatedAt, LastUpdated: f.CreatedAt,
		Latchkey: factorExtra{Name: f.Name, LastUsed: moment(f.UsedAt), Passkey: f.Passkey, Suspended: moment(f.SuspendedAt)}}
}

func (s *Server) listFactors(c call) (answer, error) {
	held, err := s.Desk.UserFactors(c.ctx, c.PathValue("userId"))
	return ok(bodies(held.Factors, factorOf)), err
}

func (s *Server) deleteFactor(c call) (answer, error) {
	return done(), s.Desk.RemoveFactor(c.ctx, c.PathValue("userId"), c.PathValue("factorId"))
}

func (s *Server) unblockPushes(c call) (answer, error) {
	return ok(map[string]string{}), s.Desk.UnblockPushes(c.ctx, c.PathValue("userId"))
}
