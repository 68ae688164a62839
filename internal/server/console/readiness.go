package console

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// lackRow is a prerequisite of recovery that Macs do not have.
type lackRow struct {
	Code, What, Do string
	Count          int
}

// lackWords says what is missing and what to do about it.
func lackWords(l directory.Lack) (what, do string) {
	words := map[directory.Lack][2]string{
		directory.LacksConfirmation: {"A certificate that somebody confirmed", "Look at the Mac, then confirm it below."},
		directory.LacksCheckIn:      {"A first check-in", "Bring the Mac online, and see that its profile names this server."},
		directory.LacksAgent:        {"An agent that is new enough", "Update Latchkey on the Mac."},
		directory.LacksArming:       {"The second factor in the login window", "The Mac's page says why it is not armed."},
		directory.LacksSecret:       {"A registered recovery secret", "Somebody has to sign in once at its login window, with a network."},
		directory.LacksFreshSecret:  {"A recovery secret that is young enough", "Bring the Mac online: it confirms the secret by itself."},
	}[l]
	return words[0], words[1]
}

// readiness is how many Macs lack what a recovery PIN needs, and which.
func (c *Console) readiness(r *request) (view, error) {
	counts, err := c.Desk.Readiness(r.ctx)
	if err != nil {
		return view{}, err
	}
	rows := make([]lackRow, 0, len(directory.Lacks()))
	for _, l := range directory.Lacks() {
		what, do := lackWords(l)
		rows = append(rows, lackRow{string(l), what, do, counts.Lack[l]})
	}
	data := map[string]any{"Reasons": rows, "Reason": "", "Ready": counts.Ready, "Active": counts.Active, "CanConfirmAny": r.may(access.DevicesManage)}
	if reason := directory.Lack(r.FormValue("reason")); slices.Contains(directory.Lacks(), reason) {
		if err := c.lacking(r, reason, data); err != nil {
			return view{}, err
		}
	}
	return view{name: "readiness", title: "Recovery readiness", section: "readiness", data: data}, nil
}

func (c *Console) lacking(r *request, reason directory.Lack, data map[string]any) error {
	found, err := c.Desk.NotReady(r.ctx, reason, directory.Page{After: r.FormValue("after"), Limit: pageSize + 1})
	if err != nil {
		return err
	}
	if len(found) > pageSize {
		found = found[:pageSize]
		data["Next"] = "/readiness?" + url.Values{"reason": {string(reason)}, "after": {found[pageSize-1].ID}}.Encode()
	}
	what, _ := lackWords(reason)
	data["Reason"], data["Heading"], data["Devices"] = string(reason), fmt.Sprintf("Macs without: %s", lower(what)), found
	data["CanConfirm"] = reason == directory.LacksConfirmation && r.may(access.DevicesManage)
	return nil
}
