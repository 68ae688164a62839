package adminapi

import (
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

type invitationBody struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	State     string     `json:"state"`
	Link      string     `json:"link,omitempty"` // only in the answer that made it
	CreatedBy string     `json:"createdBy"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt time.Time  `json:"expiresAt"`
	UsedAt    *time.Time `json:"usedAt"`
}

func invitation(i factor.Invitation) invitationBody {
	return invitationBody{ID: i.ID, Kind: i.Kind, State: string(i.State), CreatedBy: i.MadeBy, CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(), UsedAt: moment(i.UsedAt)}
}

func (s *Server) listInvitations(c call) (answer, error) {
	held, err := s.Desk.UserFactors(c.ctx, c.PathValue("userId"))
	return ok(bodies(held.Invitations, invitation)), err
}

// createInvitation answers with the link, which is shown once.
func (s *Server) createInvitation(c call) (answer, error) {
	var in struct {
		Kind string `json:"kind"`
	}
	if err := c.body(access.UsersManage, &in); err != nil {
		return answer{}, err
	}
	made, code, err := s.Desk.Invite(c.ctx, c.PathValue("userId"), in.Kind)
	out := invitation(made)
	out.Link = factor.InvitationURL(s.PublicURL, code)
	return answer{status: http.StatusCreated, body: out}, err
}

func (s *Server) revokeInvitation(c call) (answer, error) {
	return done(), s.Desk.RevokeInvitation(c.ctx, c.PathValue("userId"), c.PathValue("invitationId"))
}
