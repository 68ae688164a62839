package adminapi

import (
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

type challengeBody struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	SerialNumber string     `json:"serialNumber"`
	Challenge    string     `json:"challenge,omitempty"` // only in the answer that made it
	CreatedBy    string     `json:"createdBy"`
	CreatedAt    time.Time  `json:"createdAt"`
	ExpiresAt    *time.Time `json:"expiresAt"`
	UsedAt       *time.Time `json:"usedAt"`
	RevokedAt    *time.Time `json:"revokedAt"`
}

func challenge(c pki.Challenge) challengeBody {
	return challengeBody{ID: c.ID, Kind: c.Kind, SerialNumber: c.Serial, CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt.UTC(), ExpiresAt: moment(c.ExpiresAt),
		UsedAt: moment(c.UsedAt), RevokedAt: moment(c.RevokedAt)}
}

func (s *Server) listChallenges(c call) (answer, error) {
	found, err := s.Desk.ListChallenges(c.ctx)
	return ok(bodies(found, challenge)), err
}

func (s *Server) createChallenge(c call) (answer, error) {
	var in struct {
		Kind   string `json:"kind"`
		Serial string `json:"serialNumber"`
	}
	if err := c.body(access.EnrolmentManage, &in); err != nil {
		return answer{}, err
	}
	made, secret, err := s.Desk.CreateChallenge(c.ctx, in.Kind, in.Serial)
	out := challenge(made)
	out.Challenge = secret
	return answer{status: http.StatusCreated, body: out}, err
}

func (s *Server) revokeChallenge(c call) (answer, error) {
	return done(), s.Desk.RevokeChallenge(c.ctx, c.PathValue("challengeId"))
}
