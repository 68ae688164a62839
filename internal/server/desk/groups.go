package desk

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Membership is a line of a list that puts users into groups.
type Membership struct {
	Line         int // in the list, from 1
	Group, Login string
}

// ReadMembers reads a list of group and login, separated by a comma, a line
// each; blank lines are passed over. The error is an *InvalidError that names
// the line.
func ReadMembers(list string) ([]Membership, error) {
	lines, err := readList(list, 2, "group and login, separated by a comma")
	out := make([]Membership, 0, len(lines))
	for _, l := range lines {
		out = append(out, Membership{Line: l.number, Group: l.fields[0], Login: l.fields[1]})
	}
	return out, err
}

// Groups are the groups of users that the caller sees, by name.
func (k *Desk) Groups(ctx context.Context) (found []directory.Group, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		found, err = directory.Groups(ctx, tx)
		return err
	})
	return found, err
}

// Members are a group and a page of the users in it, by id. Errors:
// directory.ErrNotFound.
func (k *Desk) Members(ctx context.Context, groupID string, p directory.Page) (g directory.Group, found []directory.User, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		if g, err = directory.GroupByID(ctx, tx, groupID); err != nil {
			return err
		}
		found, err = directory.Members(ctx, tx, g, p)
		return err
	})
	return g, found, err
}

// CreateGroup makes an empty group. Errors: *InvalidError, directory.ErrExists,
// directory.ErrState.
func (k *Desk) CreateGroup(ctx context.Context, name string) (g directory.Group, err error) {
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		name, err := text("name", name, maxName, true)
		if err != nil {
			return err
		}
		if strings.Contains(name, ",") {
			return invalid("name", "no commas are allowed: lists of groups are separated by them")
		}
		if g, err = directory.CreateGroup(ctx, tx, name, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.GroupCreate, Message: "Group created", Targets: []systemlog.Target{groupTarget(g)}})
	})
	return g, err
}

// DeleteGroup removes a group to which nobody is scoped. Errors:
// directory.ErrNotFound, directory.ErrState.
func (k *Desk) DeleteGroup(ctx context.Context, id string) error {
	return k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		g, err := directory.DeleteGroup(ctx, tx, id)
		if err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.GroupDelete, Message: "Group deleted", Targets: []systemlog.Target{groupTarget(g)},
			Detail: map[string]string{"members": strconv.Itoa(g.Members)}})
	})
}

// AddMembers puts users into groups; passed are the lines of a group or a user
// that is not there, of which nothing was changed. Who is in a group already is
// left as they are.
func (k *Desk) AddMembers(ctx context.Context, list []Membership) (added int, passed []Membership, err error) {
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		for _, m := range list {
			g, err := directory.GroupByName(ctx, tx, m.Group)
			var u directory.User
			if err == nil {
				u, err = directory.UserByLogin(ctx, tx, m.Login)
			}
			if errors.Is(err, directory.ErrNotFound) {
				passed = append(passed, m)
				continue
			}
			if err != nil {
				return err
			}
			is, err := directory.AddMember(ctx, tx, g, u, k.Now())
			if err != nil {
				return err
			}
			if !is {
				continue
			}
			added++
			if err := k.event(ctx, tx, memberEvent(systemlog.MemberAdd, "User added to a group", g, u)); err != nil {
				return err
			}
		}
		return nil
	})
	return added, passed, err
}

// RemoveMember takes a user, by login, out of a group. Errors:
// directory.ErrNotFound.
func (k *Desk) RemoveMember(ctx context.Context, groupID, login string) error {
	return k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		g, err := directory.GroupByID(ctx, tx, groupID)
		if err != nil {
			return err
		}
		u, err := directory.UserByLogin(ctx, tx, login)
		if err != nil {
			return err
		}
		if err := directory.RemoveMember(ctx, tx, g, u); err != nil {
			return err
		}
		return k.event(ctx, tx, memberEvent(systemlog.MemberRemove, "User removed from a group", g, u))
	})
}

func memberEvent(kind, message string, g directory.Group, u directory.User) systemlog.Event {
	return systemlog.Event{Type: kind, Message: message, Severity: systemlog.Warn, Targets: []systemlog.Target{groupTarget(g), userTarget(u)}}
}

func groupTarget(g directory.Group) systemlog.Target {
	return systemlog.Target{ID: g.ID, Type: "UserGroup", AlternateID: g.Name, DisplayName: g.Name}
}
