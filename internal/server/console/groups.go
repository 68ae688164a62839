package console

import (
	"net/url"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

func groupPath(id string) string { return "/people/groups/" + url.PathEscape(id) }

// groupList are the groups of users to which administrators can be scoped.
func (c *Console) groupList(r *request) (view, error) {
	found, err := c.Desk.Groups(r.ctx)
	if err != nil {
		return view{}, err
	}
	return view{name: "groups", title: "Groups", section: "people", data: map[string]any{"Groups": found, "CanManage": r.may(access.UsersManage)}}, nil
}

func (c *Console) makeGroup(r *request) (view, error) {
	g, err := c.Desk.CreateGroup(r.ctx, r.PostFormValue("name"))
	if err != nil {
		return view{}, err
	}
	return redirect(groupPath(g.ID) + "?told=added"), nil
}

// addMembers puts the users of a list into groups.
func (c *Console) addMembers(r *request) (view, error) {
	list, err := desk.ReadMembers(r.PostFormValue("list"))
	if err != nil {
		return view{}, err
	}
	added, passed, err := c.Desk.AddMembers(r.ctx, list)
	if err != nil {
		return view{}, err
	}
	return view{name: "members-added", title: "Added", section: "people", narrow: true, data: map[string]any{"Added": added, "Passed": passed}}, nil
}

// group is one with its members.
func (c *Console) group(r *request) (view, error) {
	g, found, err := c.Desk.Members(r.ctx, r.PathValue("groupId"), directory.Page{After: r.FormValue("after"), Limit: pageSize + 1})
	if err != nil {
		return view{}, err
	}
	next := ""
	if len(found) > pageSize {
		found = found[:pageSize]
		next = groupPath(g.ID) + "?" + url.Values{"after": {found[pageSize-1].ID}}.Encode()
	}
	return view{name: "group", title: g.Name, section: "people", data: map[string]any{"Group": g, "Members": found, "Next": next, "CanManage": r.may(access.UsersManage)}}, nil
}

// changeGroup is a button on the page of a group.
func (c *Console) changeGroup(r *request) (view, error) {
	id, login := r.PathValue("groupId"), r.PostFormValue("login")
	switch r.PathValue("operation") {
	case "add":
		if err := c.addMember(r, id, login); err != nil {
			return view{}, err
		}
	case "remove":
		if err := c.Desk.RemoveMember(r.ctx, id, login); err != nil {
			return view{}, err
		}
	case "delete":
		if err := c.Desk.DeleteGroup(r.ctx, id); err != nil {
			return view{}, err
		}
		return redirect("/people/groups?told=saved"), nil
	default:
		return view{}, errNoPage()
	}
	return redirect(groupPath(id) + "?told=saved"), nil
}

func (c *Console) addMember(r *request, id, login string) error {
	g, _, err := c.Desk.Members(r.ctx, id, directory.Page{Limit: 1})
	if err != nil {
		return err
	}
	_, passed, err := c.Desk.AddMembers(r.ctx, []desk.Membership{{Line: 1, Group: g.Name, Login: login}})
	if err == nil && len(passed) > 0 {
		err = &problem{404, "There is no such user", "No org user has the login “" + cut(login, maxQuery) + "”. Add them under People first."}
	}
	return err
}
