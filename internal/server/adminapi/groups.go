package adminapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// groupBody is a group of users, to which administrators and tokens can be
// limited.
type groupBody struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Members int       `json:"members"`
	Created time.Time `json:"created"`
}

func groupOf(g directory.Group) groupBody {
	return groupBody{ID: g.ID, Name: g.Name, Members: g.Members, Created: g.CreatedAt}
}

func (s *Server) listGroups(c call) (answer, error) {
	found, err := s.Desk.Groups(c.ctx)
	return ok(bodies(found, groupOf)), err
}

func (s *Server) createGroup(c call) (answer, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := c.body(access.UsersManage, &in); err != nil {
		return answer{}, err
	}
	g, err := s.Desk.CreateGroup(c.ctx, in.Name)
	return answer{status: http.StatusCreated, body: groupOf(g)}, err
}

func (s *Server) deleteGroup(c call) (answer, error) {
	return done(), s.Desk.DeleteGroup(c.ctx, c.PathValue("groupId"))
}

func (s *Server) listMembers(c call) (answer, error) {
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	if err = errors.Join(err, only(q, "limit", "after")); err != nil {
		return answer{}, refuse(c, access.UsersRead, err)
	}
	_, found, err := s.Desk.Members(c.ctx, c.PathValue("groupId"), p)
	out, after := ok(bodies(found, s.userBody)), ""
	if len(found) == p.Limit {
		after = found[len(found)-1].ID
	}
	out.header = s.links(c, after)
	return out, err
}

// putMember puts a user into a group; who is in it already stays in it.
func (s *Server) putMember(c call) (answer, error) {
	if err := access.Require(c.ctx, access.UsersManage); err != nil {
		return answer{}, err // before it is said which groups there are
	}
	g, _, err := s.Desk.Members(c.ctx, c.PathValue("groupId"), directory.Page{Limit: 1})
	if err != nil {
		return answer{}, err
	}
	_, passed, err := s.Desk.AddMembers(c.ctx, []desk.Membership{{Line: 1, Group: g.Name, Login: c.PathValue("login")}})
	if err == nil && len(passed) > 0 {
		err = fmt.Errorf("user %q: %w", cut(c.PathValue("login"), maxQuery), directory.ErrNotFound)
	}
	return done(), err
}

func (s *Server) deleteMember(c call) (answer, error) {
	return done(), s.Desk.RemoveMember(c.ctx, c.PathValue("groupId"), c.PathValue("login"))
}
