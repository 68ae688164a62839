package console

import (
	"cmp"
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// people is the org's users, or those that a search found.
func (c *Console) people(r *request) (view, error) {
	query := strings.TrimSpace(r.FormValue("q"))
	if len(query) > maxQuery {
		query = strings.ToValidUTF8(query[:maxQuery], "")
	}
	found, err := c.Desk.Users(r.ctx, query, directory.Page{After: r.FormValue("after"), Limit: pageSize + 1})
	if err != nil {
		return view{}, err
	}
	next := ""
	if len(found) > pageSize {
		found = found[:pageSize]
		next = "/people?" + url.Values{"q": {query}, "after": {found[pageSize-1].ID}}.Encode()
	}
	return view{name: "people", title: "People", section: "people", scripts: []string{"search.js"},
		data: map[string]any{"Query": query, "People": found, "Next": next, "CanManage": r.may(access.UsersManage)}}, nil
}

func (c *Console) addPerson(r *request) (view, error) {
	u, err := c.Desk.CreateUser(r.ctx, directory.User{Login: r.PostFormValue("login"), Email: r.PostFormValue("email"),
		FirstName: r.PostFormValue("firstName"), LastName: r.PostFormValue("lastName")})
	if err != nil {
		return view{}, err
	}
	return redirect("/people/" + url.PathEscape(u.ID) + "?told=added"), nil
}

func (c *Console) person(r *request) (view, error) {
	u, err := c.Desk.User(r.ctx, r.PathValue("userId"))
	if err != nil {
		return view{}, err
	}
	devices, err := c.Desk.UserDevices(r.ctx, u.ID)
	if err != nil {
		return view{}, err
	}
	held, err := c.Desk.UserFactors(r.ctx, u.ID)
	if err != nil {
		return view{}, err
	}
	return view{name: "person", title: u.Login, section: "people", data: map[string]any{"User": u, "Devices": devices, "Factors": orgFactors(held.Factors), "Stopped": c.stopped(held.Stop), "Invitations": invitations(held.Invitations), "Steps": slices.DeleteFunc(steps(u.Status), func(s step) bool { return s.Op == "delete" }),
		"CanManage": r.may(access.UsersManage), "CanReset": r.may(access.FactorsReset)}}, nil
}

func (c *Console) changePerson(r *request) (view, error) {
	id, op := r.PathValue("userId"), r.PathValue("operation")
	if !slices.Contains([]string{"suspend", "unsuspend", "activate", "deactivate"}, op) {
		return view{}, errNoPage()
	}
	if _, err := c.Desk.ChangeUser(r.ctx, id, directory.Lifecycle(op)); err != nil {
		return view{}, err
	}
	return redirect("/people/" + url.PathEscape(id) + "?told=saved"), nil
}

// prelink links one account ahead, or takes that back.
func (c *Console) prelink(r *request) (view, error) {
	device := r.PathValue("deviceId")
	if _, err := c.Desk.SetPrelink(r.ctx, device, r.PathValue("accountId"), r.PostFormValue("login")); err != nil {
		return view{}, err
	}
	return redirect("/devices/" + url.PathEscape(device) + "?told=saved"), nil
}

// prelinkMany links the accounts of a list ahead.
func (c *Console) prelinkMany(r *request) (view, error) {
	list, err := desk.ReadPrelinks(r.PostFormValue("list"))
	if err != nil {
		return view{}, errors.Join(access.Require(r.ctx, access.UsersManage), err)
	}
	linked, passed, err := c.Desk.PrelinkMany(r.ctx, list)
	if err != nil {
		return view{}, err
	}
	return view{name: "prelinked", title: "Pre-linked", section: "people", narrow: true, data: map[string]any{"Linked": linked, "Passed": passed}}, nil
}

func (c *Console) resetPerson(r *request) (view, error) {
	id := r.PathValue("userId")
	if err := c.Desk.ResetUserFactors(r.ctx, id); err != nil {
		return view{}, err
	}
	return redirect("/people/" + url.PathEscape(id) + "?told=reset"), nil
}

// wouldDeny is why a login that a Mac allowed would have been denied, if its
// policy did not say observe.
func wouldDeny(e systemlog.Event) (why string, observed bool) {
	if e.Type != loginAllow || e.Detail["reason"] != "observed" {
		return "", false
	}
	return cmp.Or(e.Detail["would_deny"], "not reported"), true
}

// eventRow is an event in a list.
type eventRow struct {
	At                   time.Time
	Message, Type, Actor string
	Targets              []string
	Result, Tone, Reason string
	Details              []setting
}

func eventRows(found []systemlog.Event) []eventRow {
	rows := make([]eventRow, 0, len(found))
	for _, e := range found {
		row := eventRow{At: e.Published, Message: e.Message, Type: e.Type, Actor: cmp.Or(e.Actor.AlternateID, e.Actor.DisplayName, e.Actor.ID),
			Result: strings.ToLower(e.Outcome.Result), Reason: e.Outcome.Reason, Tone: "good"}
		if why, observed := wouldDeny(e); observed {
			// The login went through: what it says of the policy is the point of it.
			row.Result, row.Reason, row.Tone = "would have denied", why, "warn"
		} else if e.Outcome.Result != systemlog.Success {
			row.Tone = "bad"
		} else if e.Severity != systemlog.Info {
			row.Tone = "warn"
		}
		for _, t := range e.Targets {
			row.Targets = append(row.Targets, cmp.Or(t.DisplayName, t.AlternateID, t.ID))
		}
		for key, value := range e.Detail {
			if value != "" {
				row.Details = append(row.Details, setting{key, value})
			}
		}
		slices.SortFunc(row.Details, func(a, b setting) int { return cmp.Compare(a.Key, b.Key) })
		rows = append(rows, row)
	}
	return rows
}

func (c *Console) settings(r *request) (view, error) {
	s, err := c.Desk.Settings(r.ctx)
	if err != nil {
		return view{}, err
	}
	rules, err := c.Desk.OrgRules(r.ctx)
	if err != nil {
		return view{}, err
	}
	return view{name: "settings", title: "Settings", section: "settings", data: map[string]any{"CanEdit": r.may(access.SettingsManage), "Recovery": s.Recovery,
		"EndWindowOnEnrol": s.EndWindowOnEnrol, "NumberMatching": s.NumberMatching, "AccountsPerHour": rules.AccountsPerHour, "AllowOwn": rules.AllowOwn, "EventDays": rules.EventDays, "KeyVerification": s.KeyVerification, "WebPush": s.WebPush,
		"Checklist": strings.Join(rules.Checklist, "\n")}}, nil
}

func (c *Console) saveSettings(r *request) (view, error) {
	on := func(name string) bool { return r.PostFormValue(name) != "" }
	rules := directory.OrgRules{AccountsPerHour: int(min(number(r.PostFormValue("accountsPerHour")), math.MaxInt32)), Checklist: lines(r.PostFormValue("checklist")),
		AllowOwn: on("allowOwn"), EventDays: int(min(number(r.PostFormValue("eventDays")), math.MaxInt32))}
	settings := desk.Settings{Settings: wire.Settings{Recovery: on("recovery"), EndWindowOnEnrol: on("endWindowOnEnrol"), NumberMatching: on("numberMatching")},
		Authenticators: directory.Authenticators{KeyVerification: on("keyUserVerification"), WebPush: on("webPush")}}
	if err := c.Desk.SaveOrg(r.ctx, settings, rules); err != nil {
		return view{}, err
	}
	return redirect("/settings?told=saved"), nil
}

// number is what a field holds; 0 for what is none, which no field allows.
func number(text string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// lines are those of a text that are not blank.
func lines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
