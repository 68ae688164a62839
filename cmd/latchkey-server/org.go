package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (p *program) scepCommand() *cobra.Command {
	var serial string
	create := p.remote(&cobra.Command{Use: "create", Short: "Create a one-time challenge, good for 24 hours", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.createChallenge(cmd, map[string]string{"kind": "dynamic", "serialNumber": serial})
	}})
	create.Flags().StringVar(&serial, "serial", "", "the one serial number that it is for; such a Mac needs no confirming")
	static := p.remote(&cobra.Command{Use: "static", Short: "Create a challenge for a fleet, good until revoked", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.createChallenge(cmd, map[string]string{"kind": "static"})
	}})
	return group("scep", "Enrolment of Macs", group("challenge", "SCEP challenges", create, static, p.challengeList(), p.challengeRevoke()))
}

func (p *program) createChallenge(cmd *cobra.Command, in map[string]string) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var out map[string]any
	if err := c.call(cmd.Context(), "POST", "/api/v1/latchkey/scep-challenges", in, &out); err != nil {
		return err
	}
	if p.asJSON {
		return p.printJSON(out)
	}
	fmt.Fprintf(p.streams.err, "challenge %v. It is shown once.\n", out["id"])
	fmt.Fprintln(p.out, out["challenge"])
	return nil
}

func (p *program) challengeList() *cobra.Command {
	return p.remote(&cobra.Command{Use: "list", Short: "List challenges, without their text", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		var found []struct {
			ID           string     `json:"id"`
			Kind         string     `json:"kind"`
			SerialNumber string     `json:"serialNumber"`
			CreatedBy    string     `json:"createdBy"`
			ExpiresAt    *time.Time `json:"expiresAt"`
			UsedAt       *time.Time `json:"usedAt"`
			RevokedAt    *time.Time `json:"revokedAt"`
		}
		c, err := p.client()
		if err == nil {
			err = c.call(cmd.Context(), "GET", "/api/v1/latchkey/scep-challenges", nil, &found)
		}
		if err != nil {
			return err
		}
		if p.asJSON {
			return p.printJSON(found)
		}
		w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKIND\tSERIAL\tBY\tEXPIRES\tUSED\tREVOKED")
		for _, v := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Kind, v.SerialNumber, v.CreatedBy, when(v.ExpiresAt), when(v.UsedAt), when(v.RevokedAt))
		}
		return w.Flush()
	}})
}

func (p *program) challengeRevoke() *cobra.Command {
	return p.remote(&cobra.Command{Use: "revoke ID", Short: "Revoke a challenge", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := p.client()
		if err == nil {
			err = c.call(cmd.Context(), "POST", "/api/v1/latchkey/scep-challenges/"+url.PathEscape(args[0])+"/revoke", nil, nil)
		}
		return err
	}})
}

func (p *program) eventsCommand() *cobra.Command {
	var q, kind string
	var limit int
	list := p.remote(&cobra.Command{Use: "list", Short: "List events of the system log, the newest first", Args: cobra.NoArgs})
	list.Flags().StringVar(&q, "query", "", "words that must stand in the event")
	list.Flags().StringVar(&kind, "type", "", "event type")
	list.Flags().IntVar(&limit, "limit", 100, "how many, 1 to 1000")
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		// Without a since it would be the last week alone.
		v := url.Values{"sortOrder": {"DESCENDING"}, "limit": {fmt.Sprint(limit)}, "q": {q}, "since": {time.Unix(0, 0).UTC().Format(time.RFC3339)}}
		if kind != "" {
			v.Set("filter", fmt.Sprintf("eventType eq %q", kind))
		}
		return p.listEvents(cmd, v)
	}
	return group("events", "The system log", list, p.eventsVerify())
}

func (p *program) listEvents(cmd *cobra.Command, v url.Values) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	if p.asJSON {
		var raw []map[string]any
		if err := c.call(cmd.Context(), "GET", "/api/v1/logs?"+v.Encode(), nil, &raw); err != nil {
			return err
		}
		return p.printJSON(raw)
	}
	var events []struct {
		Published time.Time         `json:"published"`
		EventType string            `json:"eventType"`
		Severity  string            `json:"severity"`
		Outcome   systemlog.Outcome `json:"outcome"`
		Actor     systemlog.Actor   `json:"actor"`
	}
	if err := c.call(cmd.Context(), "GET", "/api/v1/logs?"+v.Encode(), nil, &events); err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PUBLISHED\tSEVERITY\tTYPE\tACTOR\tOUTCOME")
	for _, e := range events {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", when(&e.Published), e.Severity, e.EventType, e.Actor.AlternateID, strings.TrimSpace(e.Outcome.Result+" "+e.Outcome.Reason))
	}
	return w.Flush()
}

// eventsVerify walks the chain through the server, or, where the server itself
// is not trusted, in a data folder.
func (p *program) eventsVerify() *cobra.Command {
	var expect string
	var offline bool
	cmd := p.local(p.remote(&cobra.Command{Use: "verify", Short: "Verify the hash chain of the system log", Args: cobra.NoArgs}))
	cmd.Flags().StringVar(&expect, "expect-head", "", "hash that must be the chain's head, or stand before it; shows that no end was cut off")
	cmd.Flags().BoolVar(&offline, "offline", false, "read the data folder instead of asking the server")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		v, err := p.verdict(cmd, offline)
		if err != nil {
			return err
		}
		if p.asJSON {
			if err := p.printJSON(v); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(p.out, "events: %d\nhead: %s\n", v.Events, v.Head)
		}
		if !v.OK {
			return refused(errors.New("the chain is broken: "+v.Reason), "somebody changed the database; keep a copy of it before anything else")
		}
		return p.expectHead(cmd, expect, v, offline)
	}
	return cmd
}

func (p *program) verdict(cmd *cobra.Command, offline bool) (v adminapi.VerdictBody, err error) {
	if !offline {
		c, err := p.client()
		if err == nil {
			err = c.call(cmd.Context(), "GET", "/api/v1/latchkey/logs/verification", nil, &v)
		}
		return v, err
	}
	err = p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
		found, err := d.log.Verify(ctx, tx)
		v = adminapi.VerdictBody{OK: found.OK, Events: found.Events, Head: found.Head, BadSeq: found.BadSeq, Reason: found.Reason}
		return err
	})
	return v, err
}

func (p *program) expectHead(cmd *cobra.Command, expect string, v adminapi.VerdictBody, offline bool) error {
	if expect == "" || expect == v.Head {
		return nil
	}
	found := false
	err := p.withData(cmd, func(ctx context.Context, _ *data, tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM events WHERE hash = $1`, expect).Scan(&n)
		found = n > 0
		return err
	})
	if err != nil {
		return fmt.Errorf("look for --expect-head: %w", err)
	}
	if !found {
		return refused(fmt.Errorf("no event has the hash %s: the end of the chain was cut off", expect), "compare with the copies of the log kept elsewhere")
	}
	return nil
}

func (p *program) userCommand() *cobra.Command {
	var email, first, last string
	add := p.remote(&cobra.Command{Use: "add LOGIN", Short: "Add an org user", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		profile := map[string]string{"login": args[0], "email": email, "firstName": first, "lastName": last}
		return p.post(cmd, "/api/v1/users", map[string]any{"profile": profile}, "added "+args[0])
	}})
	add.Flags().StringVar(&email, "email", "", "e-mail address")
	add.Flags().StringVar(&first, "first-name", "", "first name")
	add.Flags().StringVar(&last, "last-name", "", "last name")
	commands := []*cobra.Command{add, p.userList(), p.userPassword()}
	for op, short := range map[string]string{"suspend": "Suspend a user: no PINs", "unsuspend": "End a suspension", "deactivate": "Deactivate a user",
		"activate": "Activate a user again", "reset-factors": "Remove a user's factors at the org, and reset those on each Mac at its next check-in"} {
		commands = append(commands, p.remote(&cobra.Command{Use: op + " LOGIN", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return p.post(cmd, "/api/v1/users/"+url.PathEscape(args[0])+"/lifecycle/"+strings.ReplaceAll(op, "-", "_"), nil, args[0]+": "+op)
		}}))
	}
	return group("user", "Org users", commands...)
}

func (p *program) post(cmd *cobra.Command, path string, in any, told string) error {
	c, err := p.client()
	if err == nil {
		err = c.call(cmd.Context(), "POST", path, in, nil)
	}
	if err == nil {
		fmt.Fprintln(p.out, told)
	}
	return err
}

func (p *program) userList() *cobra.Command {
	return p.remote(&cobra.Command{Use: "list [QUERY]", Short: "List org users, up to 200", Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		var users []struct {
			ID      string `json:"id"`
			Status  string `json:"status"`
			Profile struct {
				Login     string `json:"login"`
				Email     string `json:"email"`
				FirstName string `json:"firstName"`
				LastName  string `json:"lastName"`
			} `json:"profile"`
		}
		c, err := p.client()
		if err == nil {
			err = c.call(cmd.Context(), "GET", "/api/v1/users?"+url.Values{"q": {strings.Join(args, "")}}.Encode(), nil, &users)
		}
		if err != nil {
			return err
		}
		if p.asJSON {
			return p.printJSON(users)
		}
		w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tLOGIN\tEMAIL\tNAME\tSTATUS")
		for _, u := range users {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.ID, u.Profile.Login, u.Profile.Email, strings.TrimSpace(u.Profile.FirstName+" "+u.Profile.LastName), u.Status)
		}
		return w.Flush()
	}})
}

func (p *program) settingsCommand() *cobra.Command {
	const path = "/api/v1/latchkey/settings"
	show := p.remote(&cobra.Command{Use: "show", Short: "Show the org's settings", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.settings(cmd, "GET", path, nil)
	}})
	set := p.remote(&cobra.Command{Use: "set", Short: "Change the org's settings", Args: cobra.NoArgs})
	names := map[string]string{"recovery": "recovery", "end-window-on-enrol": "endWindowOnEnrol", "number-matching": "numberMatching",
		"key-user-verification": "keyUserVerification", "web-push": "webPush"}
	set.Flags().Bool("recovery", true, "recovery PINs; false erases every recovery secret")
	set.Flags().Bool("end-window-on-enrol", false, "enrolling a new factor ends the window of a PIN")
	set.Flags().Bool("number-matching", true, "a push asks for the number shown at the login window")
	set.Flags().Bool("key-user-verification", false, "a security key must verify the person, by PIN or biometrics")
	set.Flags().Bool("web-push", false, "phones are told of a push by the push service of their browser, which learns that somebody signs in")
	set.RunE = func(cmd *cobra.Command, _ []string) error {
		in := map[string]bool{}
		for flag, name := range names {
			if cmd.Flags().Changed(flag) {
				in[name], _ = cmd.Flags().GetBool(flag)
			}
		}
		if len(in) == 0 {
			return usage(errors.New("no setting is given"), "for example --recovery=false")
		}
		return p.settings(cmd, "PUT", path, in)
	}
	return group("settings", "The org's settings", show, set)
}

func (p *program) settings(cmd *cobra.Command, method, path string, in any) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var out struct {
		Recovery         bool `json:"recovery"`
		EndWindowOnEnrol bool `json:"endWindowOnEnrol"`
		NumberMatching   bool `json:"numberMatching"`
		KeyVerification  bool `json:"keyUserVerification"`
		WebPush          bool `json:"webPush"`
	}
	if err := c.call(cmd.Context(), method, path, in, &out); err != nil {
		return err
	}
	if p.asJSON {
		return p.printJSON(out)
	}
	fmt.Fprintf(p.out, "recovery: %t\nend-window-on-enrol: %t\nnumber-matching: %t\nkey-user-verification: %t\nweb-push: %t\n",
		out.Recovery, out.EndWindowOnEnrol, out.NumberMatching, out.KeyVerification, out.WebPush)
	return nil
}
