package adminapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

type adminBody struct {
	ID         string     `json:"id"`
	Login      string     `json:"login"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Groups     []string   `json:"groups"` // none is the whole org
	Status     string     `json:"status"`
	Created    time.Time  `json:"created"`
	LastLogin  *time.Time `json:"lastLogin"`
	SetUpUntil *time.Time `json:"setUpUntil"`
	SetUpCode  string     `json:"setUpCode,omitempty"` // only in the answer that made it
	SetUpURL   string     `json:"setUpUrl,omitempty"`
}

func adminOf(a signin.Admin) adminBody {
	return adminBody{ID: a.ID, Login: a.Login, Name: a.Name, Role: string(a.Role), Groups: list(a.Grant.Groups), Status: string(a.Status), Created: a.CreatedAt,
		LastLogin: moment(a.SignedInAt), SetUpUntil: moment(a.SetUpUntil)}
}

// list is never null.
func list[T any](from []T) []T {
	if from == nil {
		return []T{}
	}
	return from
}

// coded is an administrator with the code that sets the account up.
func (s *Server) coded(a signin.Admin, code signin.Secret) adminBody {
	out := adminOf(a)
	out.SetUpCode, out.SetUpURL = code.Text(), s.PublicURL+"/set-up"
	return out
}

func (s *Server) listAdmins(c call) (answer, error) {
	found, err := s.Desk.Admins(c.ctx)
	return ok(bodies(found, adminOf)), err
}

func (s *Server) getAdmin(c call) (answer, error) {
	a, err := s.Desk.Admin(c.ctx, c.PathValue("adminId"))
	return ok(adminOf(a)), err
}

func (s *Server) createAdmin(c call) (answer, error) {
	var in struct {
		Login  string      `json:"login"`
		Name   string      `json:"name"`
		Role   access.Role `json:"role"`
		Groups []string    `json:"groups"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	made, code, err := s.Desk.CreateAdmin(c.ctx, signin.NewAdmin{Login: in.Login, Name: in.Name, Role: in.Role, Groups: in.Groups})
	return answer{status: http.StatusCreated, body: s.coded(made, code)}, err
}

// changeAdmin is a step in the life of an account.
func (s *Server) changeAdmin(c call) (answer, error) {
	id := c.PathValue("adminId")
	switch op := c.PathValue("operation"); op {
	case "suspend":
		return done(), s.Desk.SuspendAdmin(c.ctx, id)
	case "unsuspend":
		return done(), s.Desk.UnsuspendAdmin(c.ctx, id)
	case "reset":
		a, code, err := s.Desk.ResetAdmin(c.ctx, id)
		return ok(s.coded(a, code)), err
	default:
		return answer{}, refuse(c, access.AdminsManage, invalid(fmt.Sprintf("%q: want suspend, unsuspend or reset", op)))
	}
}

func (s *Server) setAdminRole(c call) (answer, error) {
	var in struct {
		Role access.Role `json:"role"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	return done(), s.Desk.SetAdminRole(c.ctx, c.PathValue("adminId"), in.Role)
}

func (s *Server) setAdminGroups(c call) (answer, error) {
	var in struct {
		Groups []string `json:"groups"`
	}
	if err := c.body(access.AdminsManage, &in); err != nil {
		return answer{}, err
	}
	if in.Groups == nil {
		return answer{}, invalid("groups: missing, want a list of names; an empty one is the whole org")
	}
	return done(), s.Desk.SetAdminScope(c.ctx, c.PathValue("adminId"), in.Groups)
}

func (s *Server) deleteAdmin(c call) (answer, error) {
	return done(), s.Desk.RemoveAdmin(c.ctx, c.PathValue("adminId"))
}
