package adminapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
)

type tokenBody struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Login     string     `json:"login"`
	Role      string     `json:"role"`
	Scopes    []string   `json:"scopes"` // none is all that the role may
	Groups    []string   `json:"groups"` // none is the whole org
	Created   time.Time  `json:"created"`
	ExpiresAt *time.Time `json:"expiresAt"` // null is never
	LastUsed  *time.Time `json:"lastUsed"`
	RevokedAt *time.Time `json:"revokedAt"`
	Token     string     `json:"token,omitempty"` // only in the answer that made it
}

func tokenOf(t access.Token) tokenBody {
	return tokenBody{ID: t.TokenID, Name: t.Name, Login: t.Login, Role: string(t.Role), Scopes: names(t.Scopes), Groups: list(t.Groups), Created: t.CreatedAt,
		ExpiresAt: moment(t.ExpiresAt), LastUsed: moment(t.UsedAt), RevokedAt: moment(t.RevokedAt)}
}

func (s *Server) listTokens(c call) (answer, error) {
	found, err := s.Desk.Tokens(c.ctx)
	return ok(bodies(found, tokenOf)), err
}

// createToken answers with the text, which is shown once. A token that is good
// for ever is made on the server's machine alone.
func (s *Server) createToken(c call) (answer, error) {
	var in struct {
		Name   string      `json:"name"`
		Login  string      `json:"login"`
		Role   access.Role `json:"role"`
		Scopes []string    `json:"scopes"`
		Groups []string    `json:"groups"`
		Days   *int        `json:"expiresInDays"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	n := desk.NewToken{Name: in.Name, Login: in.Login, Role: in.Role, Scopes: in.Scopes, Groups: in.Groups}
	if in.Days != nil {
		const day = 24 * time.Hour
		if *in.Days < 1 || *in.Days > int(access.MaxLife/day) {
			return answer{}, invalid(fmt.Sprintf("expiresInDays: %d, want 1 to %d", *in.Days, access.MaxLife/day))
		}
		n.Life = time.Duration(*in.Days) * day
	}
	made, text, err := s.Desk.CreateToken(c.ctx, n)
	out := tokenOf(made)
	out.Token = text
	return answer{status: http.StatusCreated, body: out}, err
}

func (s *Server) revokeToken(c call) (answer, error) {
	return done(), s.Desk.RevokeToken(c.ctx, c.PathValue("tokenId"))
}
