package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// loginAllow is a Mac's event of a login that it let through.
const loginAllow = "device.desktop_mfa.login.allow"

// pageSize is how many rows a list shows.
const pageSize = 25

// maxQuery bounds what is searched for, in bytes.
const maxQuery = 256

// tag is a word in a colour; the word says it all, the colour only again.
type tag struct{ Text, Tone string }

// deviceRow is a Mac in a list.
type deviceRow struct {
	ID, Label, Serial, Model, OS, State string
	Seen                                time.Time
	Armed, Recovery                     tag
}

// start leads to the first section that the caller may see: not every role finds
// Macs.
func (c *Console) start(r *request) (view, error) {
	for _, s := range sections(r, "") {
		return redirect(s.Path), nil
	}
	return redirect("/account"), nil
}

// devices is the list, or what a search found.
func (c *Console) devices(r *request) (view, error) {
	query := strings.TrimSpace(r.FormValue("q"))
	if len(query) > maxQuery {
		query = strings.ToValidUTF8(query[:maxQuery], "")
	}
	found, next, begins, err := c.search(r, query)
	if err != nil {
		return view{}, err
	}
	rows := make([]deviceRow, 0, len(found))
	for _, m := range found {
		rows = append(rows, deviceRow{ID: m.ID, Label: m.Label(), Serial: m.Serial, Model: m.Model, OS: m.OS, State: inactive(m.Status), Seen: m.SeenAt,
			Armed: armed(m.Device), Recovery: c.recoveryOf(m)})
	}
	nothing := "No Mac has checked in yet. A Mac is listed after its first check-in."
	if query != "" {
		nothing = fmt.Sprintf("Nothing is found by “%s”. Search for the serial number or the computer name on the Mac's screen, or for a user.", query)
	}
	caption, wider := fmt.Sprintf("%d shown", len(rows)), ""
	if begins {
		caption = fmt.Sprintf("%d found first", len(rows))
		wider = "/devices?" + url.Values{"q": {query}, "in": {"1"}}.Encode()
	}
	return view{name: "devices", title: "Devices", section: "devices", scripts: []string{"search.js"},
		data: map[string]any{"Query": query, "Devices": rows, "Next": next, "Nothing": nothing, "Caption": caption, "Wider": wider}}, nil
}

// search is what the beginning of a name finds, by an index, as one types; where
// that is nothing, or when it is asked for, what stands anywhere in a name.
func (c *Console) search(r *request, query string) (found []desk.Mac, next string, begins bool, err error) {
	if query != "" && r.FormValue("in") == "" && r.FormValue("after") == "" {
		found, err = c.Desk.Suggest(r.ctx, query, pageSize)
		if err != nil || len(found) > 0 {
			return found, "", true, err
		}
		// Inside names no index helps: with very many Macs that takes seconds,
		// which is for who asks for it, not for each letter that is typed.
		found, looked, err := c.Desk.Inside(r.ctx, query, pageSize)
		return found, "", !looked || len(found) == pageSize, err
	}
	found, err = c.Desk.Macs(r.ctx, query, directory.Page{After: r.FormValue("after"), Limit: pageSize + 1})
	if len(found) > pageSize {
		found = found[:pageSize]
		next = "/devices?" + url.Values{"q": {query}, "in": {"1"}, "after": {found[pageSize-1].ID}}.Encode()
	}
	return found, next, false, err
}

func inactive(s directory.Status) string {
	if s == directory.Active {
		return ""
	}
	return strings.ToLower(string(s))
}

func armed(d directory.Device) tag {
	switch d.ArmedState {
	case "armed":
		return tag{"armed", "good"}
	case "":
		return tag{"not reported", ""}
	}
	return tag{d.ArmedState, "warn"}
}

// recoveryOf says for how many of a Mac's users a PIN could be made.
func (c *Console) recoveryOf(m desk.Mac) tag {
	ready, all := 0, 0
	for _, a := range m.Accounts {
		if a.Exempt {
			continue
		}
		all++
		if a.Recovery.Registered {
			ready++
		}
	}
	switch {
	case m.Status != directory.Active:
		return tag{"not possible", "bad"}
	case m.Trust != directory.Bound:
		return tag{"to be confirmed", "warn"}
	case all == 0:
		return tag{"no user yet", "warn"}
	case ready == all:
		return tag{"ready", "good"}
	}
	return tag{fmt.Sprintf("%d of %d users", ready, all), "warn"}
}

// accountCard is a user on the page of a Mac.
type accountCard struct {
	ID, Name, FullName, Linked, Prelink string
	Exempt, CanPIN                      bool
	Factors                             []factorRow
	Recovery                            tag
	Window, Pending                     string
}

type factorRow struct {
	Kind string
	At   time.Time
}

func (c *Console) card(r *request, m desk.Mac, a desk.Account, pending map[string]time.Time) accountCard {
	card := accountCard{ID: a.ID, Name: a.Name, FullName: cmp.Or(a.FullName, a.Name), Linked: a.Linked, Prelink: a.Prelink, Exempt: a.Exempt,
		CanPIN: r.may(access.PINGenerate)}
	for _, f := range a.Factors {
		card.Factors = append(card.Factors, factorRow{factorName(f.Kind), f.At})
	}
	switch {
	case a.Recovery.Registered && a.Recovery.Proven:
		card.Recovery = tag{"PIN possible, confirmed " + day(a.Recovery.ConfirmedAt), "good"}
	case a.Recovery.Registered:
		card.Recovery = tag{"PIN possible, unproven secret", "warn"}
	default:
		card.Recovery = tag{"no recovery secret yet", "bad"}
	}
	if a.WindowUntil.After(c.Now()) {
		card.Window = "PIN in use until " + clock(a.WindowUntil, m.Zone)
	}
	if at, waits := pending[a.GUID]; waits {
		card.Pending = "reset pending since " + day(at) + ", until the next check-in"
	}
	return card
}

// factorName is what people call a factor.
func factorName(kind string) string {
	switch kind {
	case "Offline_TOTP":
		return "Device access code"
	case "Offline_Security_key":
		return "Security key, checked by the Mac"
	}
	return kind
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// clock is a time of day as the person at the Mac sees it, with the zone.
func clock(t time.Time, zone string) string {
	if in, err := time.LoadLocation(zone); err == nil && zone != "" {
		return t.In(in).Format("15:04") + " (" + zone + ")"
	}
	return t.UTC().Format("15:04") + " (UTC)"
}

// note is a box on a page.
type note struct{ Text, Tone string }

// device is the page of a Mac.
func (c *Console) device(r *request) (view, error) {
	m, err := c.Desk.Device(r.ctx, r.PathValue("deviceId"))
	if err != nil {
		return view{}, err
	}
	waiting, err := c.Desk.Pending(r.ctx, m.ID)
	if err != nil {
		return view{}, err
	}
	pending := map[string]time.Time{}
	for _, w := range waiting {
		if w.Kind == wire.CommandResetFactors {
			pending[w.Account.GUID] = w.Since
		}
	}
	cards := make([]accountCard, 0, len(m.Accounts))
	for _, a := range m.Accounts {
		cards = append(cards, c.card(r, m, a, pending))
	}
	last, err := c.Desk.Disarmed(r.ctx, m.ID)
	if err != nil {
		return view{}, err
	}
	data := map[string]any{"ID": m.ID, "Label": m.Label(), "Accounts": cards, "Notes": c.notes(m, last), "CanDisarm": r.may(access.LoginRightDisarm), "Disarm": last, "Serial": m.Serial, "Model": m.Model, "OS": m.OS,
		"Agent": m.Agent, "AgentAge": c.agentAge(m.Agent), "Seen": m.SeenAt, "Armed": armed(m.Device), "ArmedReason": m.ArmedReason, "Clock": clockState(m.Clock),
		"Zone": m.Zone, "Status": strings.ToLower(string(m.Status)), "Trust": trust(m.Trust), "Certificate": short(m.Certificate), "Claim": m.Claim,
		"CanManage": r.may(access.DevicesManage), "CanLink": r.may(access.UsersManage), "CanReset": r.may(access.FactorsReset), "CanLog": r.may(access.LogsRead), "Steps": steps(m.Status),
		"PolicyState": policyState(m.PolicyState), "PolicyErrors": m.PolicyErrors, "Policy": policyRows(m.Effective)}
	if data["Differs"], data["HasIntended"], err = c.differing(r, m.Effective); err != nil {
		return view{}, err
	}
	if r.may(access.LogsRead) {
		found, err := c.Desk.Events(r.ctx, systemlog.Query{Words: []string{m.ID}, Newest: true, Limit: 10})
		if err != nil {
			return view{}, err
		}
		data["Events"] = eventRows(found)
	}
	return view{name: "device", title: m.Label(), section: "devices", data: data}, nil
}

// notes are what somebody has to know before anything else.
func (c *Console) notes(m desk.Mac, last directory.Disarm) (out []note) {
	if n, is := disarmNote(last, m); is {
		out = append(out, n)
	}
	if m.KillSwitch {
		out = append(out, note{"The kill-switch file is on this Mac: everybody gets in with the password alone. Remove it when the emergency is over.", "bad"})
	}
	if m.Trust != directory.Bound {
		out = append(out, note{"A certificate waits to be confirmed. Until then no PIN can be made for this Mac.", "warn"})
	}
	exempt := slices.ContainsFunc(m.Accounts, func(a desk.Account) bool { return a.Exempt })
	if len(m.Accounts) > 0 && !exempt {
		out = append(out, note{"No account of this Mac is known to be exempt from the second factor. If the server is lost and a user's factor too, nobody gets in: consider one in MFANotRequiredList.", "warn"})
	}
	if m.PolicyState == "bad" {
		out = append(out, note{"The profile on this Mac has errors; the last good one stays in force. See “Policy in force”.", "warn"})
	}
	return out
}

func (c *Console) agentAge(agent string) tag {
	if c.Desk.OldAgent(agent) {
		return tag{"older than " + c.Desk.MinAgent, "warn"}
	}
	return tag{}
}

func clockState(s string) string {
	return cmp.Or(map[string]string{"anchored": "the server's time", "wall": "the Mac's own, believed", "untrusted": "not believed: only a PIN for the device code is taken"}[s], s)
}

func trust(t directory.Trust) tag {
	switch t {
	case directory.Bound:
		return tag{"confirmed", "good"}
	case directory.Unverified:
		return tag{"unverified", "warn"}
	}
	return tag{"re-enrolled", "warn"}
}

func policyState(s string) tag {
	return map[string]tag{"good": {"good", "good"}, "bad": {"has errors", "bad"}, "gone": {"gone", "bad"}, "off": {"off", "bad"}, "": {"not reported", ""}}[s]
}

// short is the beginning of a fingerprint, which is enough to compare by eye.
func short(fingerprint string) string {
	if len(fingerprint) > 16 {
		return fingerprint[:16] + "…"
	}
	return fingerprint
}

// setting is a key of the policy in force.
type setting struct{ Key, Value string }

// policyRows reads what a Mac reported of its policy in force.
func policyRows(effective json.RawMessage) (out []setting) {
	var values map[string]struct {
		Value any `json:"value"`
	}
	if json.Unmarshal(effective, &values) != nil {
		return nil // a Mac that reports nonsense has no policy to show
	}
	for key, v := range values {
		text, err := json.Marshal(v.Value)
		if err == nil {
			out = append(out, setting{key, strings.Trim(string(text), `"`)})
		}
	}
	slices.SortFunc(out, func(a, b setting) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// step is a button that moves a Mac or a person through its life.
type step struct{ Op, Name, Look string }

func steps(s directory.Status) []step {
	switch s {
	case directory.Active:
		return []step{{"suspend", "Suspend", "second"}, {"deactivate", "Deactivate", "bad"}}
	case directory.Suspended:
		return []step{{"unsuspend", "End the suspension", "second"}, {"deactivate", "Deactivate", "bad"}}
	}
	return []step{{"activate", "Activate again", "second"}, {"delete", "Delete for good", "bad"}}
}

// changeDevice is a button on the page of a Mac.
func (c *Console) changeDevice(r *request) (view, error) {
	id, op := r.PathValue("deviceId"), r.PathValue("operation")
	var err error
	var done string
	switch op {
	case "confirm":
		// What was looked at is what is confirmed.
		done = "confirmed"
		_, err = c.Desk.Confirm(r.ctx, id, r.PostFormValue("certificate"))
	case "reject":
		done = "rejected"
		_, err = c.Desk.Reject(r.ctx, id)
	case "delete":
		if err := c.Desk.DeleteDevice(r.ctx, id); err != nil {
			return view{}, err
		}
		return redirect("/devices?told=deleted"), nil
	case "suspend", "unsuspend", "activate", "deactivate":
		done = strings.TrimSuffix(op, "e") + "ed"
		_, err = c.Desk.ChangeDevice(r.ctx, id, directory.Lifecycle(op))
	default:
		return view{}, errNoPage()
	}
	if err != nil {
		return view{}, err
	}
	return redirect("/devices/" + url.PathEscape(id) + "?told=" + done), nil
}

// confirmMany confirms those that are marked, or a list of serial numbers.
func (c *Console) confirmMany(r *request) (view, error) {
	serials := strings.FieldsFunc(r.PostFormValue("serials"), func(ch rune) bool { return strings.ContainsRune(" ,;\t\r\n\"", ch) })
	confirmed, passed, err := c.Desk.ConfirmMany(r.ctx, r.PostForm["id"], serials)
	if err != nil {
		return view{}, err
	}
	return view{name: "confirmed", title: "Confirmed", section: "readiness", narrow: true, data: map[string]any{"Confirmed": len(confirmed), "Passed": passed}}, nil
}
