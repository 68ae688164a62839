package console

import (
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// roleColumn is a role in a table and in a choice.
type roleColumn struct {
	Key    access.Role
	Name   string
	allows func(access.Permission) bool
}

// permissionRow is a permission with the roles that hold it.
type permissionRow struct {
	Permission access.Permission
	Holds      []bool
}

// roleCard is a custom role with the boxes that change it.
type roleCard struct {
	access.CustomRole
	Boxes []box
}

// box is a permission that can be ticked.
type box struct {
	Permission access.Permission
	About      string
	On         bool
}

// roleColumns are the roles that can be given: those built in, and the org's.
func roleColumns(made []access.CustomRole) (out []roleColumn) {
	for _, r := range access.Roles() {
		out = append(out, roleColumn{r, string(r), r.Allows})
	}
	for _, r := range made {
		out = append(out, roleColumn{r.Key, r.Name + " (" + string(r.Key) + ")", r.Allows})
	}
	return out
}

func matrix(roles []roleColumn) (out []permissionRow) {
	for _, p := range access.Permissions() {
		row := permissionRow{Permission: p}
		for _, r := range roles {
			row.Holds = append(row.Holds, r.allows(p))
		}
		out = append(out, row)
	}
	return out
}

func roleCards(made []access.CustomRole) (out []roleCard) {
	for _, r := range made {
		out = append(out, roleCard{r, boxes(r.Permissions)})
	}
	return out
}

// usual are ticked for a role that is to be made, and said on the form: without
// finding Macs and people nearly all else is of no use.
func usual() []access.Permission { return []access.Permission{access.DevicesRead, access.UsersRead} }

// boxes are all permissions that a custom role can have.
func boxes(on []access.Permission) (out []box) {
	about := map[access.Permission]string{
		access.DevicesRead: "find Macs, and read what is known of them", access.DevicesManage: "suspend, confirm and delete Macs; includes generating PINs",
		access.UsersRead: "find people", access.UsersManage: "add, suspend and link people, and change groups", access.LogsRead: "read the System Log",
		access.OrgRead: "read settings, certificates and administrators", access.OrgManage: "kept for what the org will have",
		access.PINGenerate: "generate and void recovery PINs", access.FactorsReset: "reset authenticators", access.EnrolmentManage: "make SCEP challenges, and revoke certificates",
	}
	for _, p := range access.Grantable() {
		out = append(out, box{p, about[p], slices.Contains(on, p)})
	}
	return out
}

// ticked are the permissions of a form.
func ticked(r *request) (out []access.Permission) {
	for _, p := range r.PostForm["permission"] {
		out = append(out, access.Permission(p))
	}
	return out
}

func (c *Console) makeRole(r *request) (view, error) {
	if _, err := c.Desk.CreateRole(r.ctx, r.PostFormValue("name"), ticked(r)); err != nil {
		return view{}, err
	}
	return redirect("/administrators?told=saved"), nil
}

// changeRole is a button of a custom role.
func (c *Console) changeRole(r *request) (view, error) {
	key := access.Role(r.PathValue("roleKey"))
	var err error
	switch r.PathValue("operation") {
	case "change":
		err = c.Desk.ChangeRole(r.ctx, key, ticked(r))
	case "delete":
		err = c.Desk.DeleteRole(r.ctx, key)
	default:
		err = errNoPage()
	}
	if err != nil {
		return view{}, err
	}
	return redirect("/administrators?told=saved"), nil
}

// names are the groups that a field names, with commas between them.
func names(text string) (out []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}
