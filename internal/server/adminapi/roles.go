package adminapi

import (
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

type roleBody struct {
	Key         string     `json:"key"` // as it is given
	Name        string     `json:"name"`
	BuiltIn     bool       `json:"builtIn"`
	Permissions []string   `json:"permissions"`
	Created     *time.Time `json:"created"` // null for one that is built in
	LastUpdated *time.Time `json:"lastUpdated"`
}

func roleOf(r access.CustomRole) roleBody {
	return roleBody{Key: string(r.Key), Name: r.Name, Permissions: names(r.Permissions), Created: moment(r.CreatedAt), LastUpdated: moment(r.UpdatedAt)}
}

func names(permissions []access.Permission) []string {
	out := make([]string, 0, len(permissions))
	for _, p := range permissions {
		out = append(out, string(p))
	}
	return out
}

// listRoles is the roles that there are, those built in first.
func (s *Server) listRoles(c call) (answer, error) {
	made, err := s.Desk.CustomRoles(c.ctx)
	var out []roleBody
	for _, r := range access.Roles() {
		out = append(out, roleBody{Key: string(r), Name: string(r), BuiltIn: true, Permissions: names(r.Permissions())})
	}
	return ok(append(out, bodies(made, roleOf)...)), err
}

func (s *Server) createRole(c call) (answer, error) {
	var in struct {
		Name        string              `json:"name"`
		Permissions []access.Permission `json:"permissions"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	made, err := s.Desk.CreateRole(c.ctx, in.Name, in.Permissions)
	return answer{status: http.StatusCreated, body: roleOf(made)}, err
}

// changeRole gives a custom role other permissions.
func (s *Server) changeRole(c call) (answer, error) {
	var in struct {
		Permissions []access.Permission `json:"permissions"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	return done(), s.Desk.ChangeRole(c.ctx, access.Role(c.PathValue("roleKey")), in.Permissions)
}

func (s *Server) deleteRole(c call) (answer, error) {
	return done(), s.Desk.DeleteRole(c.ctx, access.Role(c.PathValue("roleKey")))
}
