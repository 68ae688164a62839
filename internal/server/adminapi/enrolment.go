package adminapi

import (
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
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
	var found []pki.Challenge
	err := s.view(c, access.EnrolmentManage, func(tx *sql.Tx) (err error) {
		found, err = s.Challenges.List(c.ctx, tx)
		return err
	})
	return ok(bodies(found, challenge)), err
}

func (s *Server) createChallenge(c call) (answer, error) {
	var in struct {
		Kind   string `json:"kind"`
		Serial string `json:"serialNumber"`
	}
	var out challengeBody
	err := s.update(c, access.EnrolmentManage, func(tx *sql.Tx) error {
		err := decode(c.Body, &in)
		if err == nil {
			in.Serial, err = text("serialNumber", in.Serial, maxName, false)
		}
		if err == nil && in.Kind != pki.Dynamic && in.Kind != pki.Static {
			err = invalid(fmt.Sprintf("kind: %q, want %q or %q", in.Kind, pki.Dynamic, pki.Static))
		}
		if err == nil && in.Kind == pki.Static && in.Serial != "" {
			err = invalid("serialNumber: a static challenge serves a fleet and names none")
		}
		if err != nil {
			return err
		}
		made, secret, err := s.Challenges.Create(c.ctx, tx, in.Kind, in.Serial, access.CallerOf(c.ctx).Login, s.Now())
		if err != nil {
			return err
		}
		out = challenge(made)
		out.Challenge = secret
		return s.event(c, tx, systemlog.Event{Type: systemlog.ChallengeCreate, Message: "SCEP challenge created", Detail: map[string]string{"kind": in.Kind},
			Targets: []systemlog.Target{{ID: made.ID, Type: "Challenge", AlternateID: in.Serial}}})
	})
	return answer{status: http.StatusCreated, body: out}, err
}

func (s *Server) revokeChallenge(c call) (answer, error) {
	err := s.update(c, access.EnrolmentManage, func(tx *sql.Tx) error {
		id := c.PathValue("challengeId")
		if err := s.Challenges.Revoke(c.ctx, tx, id, s.Now()); err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: systemlog.ChallengeRevoke, Message: "SCEP challenge revoked", Targets: []systemlog.Target{{ID: id, Type: "Challenge"}}})
	})
	return done(), err
}
