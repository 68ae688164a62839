package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// device is what the command line shows of a Mac.
type device struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Profile struct {
		DisplayName  string `json:"displayName"`
		SerialNumber string `json:"serialNumber"`
		Model        string `json:"model"`
		UDID         string `json:"udid"`
	} `json:"profile"`
	Latchkey struct {
		Trust    string     `json:"trust"`
		Claim    string     `json:"claim"`
		LastSeen *time.Time `json:"lastSeen"`
		Armed    struct {
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"armed"`
	} `json:"latchkey"`
}

func (d device) label() string {
	return fmt.Sprintf("%s (%s)", d.Profile.DisplayName, d.Profile.SerialNumber)
}

// is reports whether it is what a person names, whatever their case.
func (d device) is(name string) bool {
	return strings.EqualFold(d.Profile.SerialNumber, name) || strings.EqualFold(d.Profile.DisplayName, name)
}

// account is what the command line shows of a local account.
type account struct {
	ID      string `json:"id"`
	Profile struct {
		Username string `json:"username"`
		FullName string `json:"fullName"`
		GUID     string `json:"accountUUID"`
	} `json:"profile"`
	Latchkey struct {
		Linked   string `json:"linked"`
		Recovery struct {
			Registered  bool       `json:"registered"`
			Proven      bool       `json:"proven"`
			ConfirmedAt *time.Time `json:"confirmedAt"`
		} `json:"recovery"`
	} `json:"latchkey"`
}

func (p *program) deviceCommand() *cobra.Command {
	commands := []*cobra.Command{p.deviceFind("list", "List the Macs", cobra.NoArgs), p.deviceFind("find QUERY", "Find Macs by serial number, computer name, user name or e-mail", cobra.ExactArgs(1)), p.deviceShow(), p.deviceConfirm(), p.deviceResetFactors(), p.deviceDisarm()}
	for op, short := range map[string]string{"reject": "Reject the certificate that waits", "suspend": "Suspend a Mac: no check-ins, no PINs",
		"unsuspend": "End a suspension", "deactivate": "Deactivate a Mac", "activate": "Activate a Mac again"} {
		commands = append(commands, p.deviceChange(op, short))
	}
	return group("device", "Macs", commands...)
}

func (p *program) deviceFind(use, short string, args cobra.PositionalArgs) *cobra.Command {
	return p.remote(&cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		c, err := p.client()
		if err != nil {
			return err
		}
		devices, err := c.devices(cmd.Context(), strings.Join(args, ""))
		if err != nil {
			return err
		}
		if p.asJSON {
			return p.printJSON(devices)
		}
		w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSERIAL\tNAME\tSTATUS\tTRUST\tLAST SEEN")
		for _, d := range devices {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Profile.SerialNumber, d.Profile.DisplayName, d.Status, d.Latchkey.Trust, when(d.Latchkey.LastSeen))
		}
		return w.Flush()
	}})
}

func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// devices walks the pages of a list.
func (c *client) devices(ctx context.Context, q string) ([]device, error) {
	const size = 200
	all := []device{}
	for after := ""; ; {
		var page []device
		query := url.Values{"q": {q}, "limit": {fmt.Sprint(size)}, "after": {after}}
		if err := c.call(ctx, "GET", "/api/v1/devices?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < size {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

// device finds the one Mac that a person names: by id, serial number, or
// computer name, whatever their case.
func (c *client) device(ctx context.Context, name string) (device, error) {
	var byID device
	if strings.HasPrefix(name, "dev") && c.call(ctx, "GET", "/api/v1/devices/"+url.PathEscape(name), nil, &byID) == nil {
		return byID, nil
	}
	found, err := c.devices(ctx, name)
	if err != nil {
		return device{}, err
	}
	return oneNamed(name, found)
}

// oneNamed is the one of those that a search has found whose serial number or
// computer name that is.
func oneNamed(name string, found []device) (device, error) {
	var exact []device
	for _, d := range found {
		if d.is(name) {
			exact = append(exact, d)
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(exact) > 1:
		// Never a guess: a PIN for the wrong Mac would be of no use, or of the
		// wrong use.
		return device{}, failed(fmt.Errorf("%d devices are called %q: %s", len(exact), name, labels(exact)), "name it by its id")
	case len(found) > 0:
		return device{}, failed(fmt.Errorf("no device has the serial number or name %q; near: %s", name, labels(found)), "give the whole serial number")
	}
	return device{}, failed(fmt.Errorf("no device has the serial number or name %q", name), "latchkey-server device list shows all")
}

func labels(devices []device) string {
	var out []string
	for _, d := range devices[:min(len(devices), 5)] {
		out = append(out, d.ID+" "+d.label())
	}
	return strings.Join(out, ", ")
}

func (c *client) accounts(ctx context.Context, d device) (all []account, err error) {
	err = c.call(ctx, "GET", "/api/v1/devices/"+d.ID+"/os-accounts", nil, &all)
	return all, err
}

// account finds the one account on a Mac by its short name or id.
func (c *client) account(ctx context.Context, d device, name string) (account, error) {
	all, err := c.accounts(ctx, d)
	if err != nil {
		return account{}, err
	}
	var names []string
	for _, a := range all {
		if a.Profile.Username == name || a.ID == name {
			return a, nil
		}
		names = append(names, a.Profile.Username)
	}
	return account{}, failed(fmt.Errorf("%s has no account %q; it has: %s", d.label(), name, strings.Join(names, ", ")), "give the short name of the account, in its own case")
}

func (p *program) deviceShow() *cobra.Command {
	return p.remote(&cobra.Command{Use: "show DEVICE", Short: "Show a Mac and its accounts", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := p.client()
		if err != nil {
			return err
		}
		d, err := c.device(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		accounts, err := c.accounts(cmd.Context(), d)
		if err != nil {
			return err
		}
		if p.asJSON {
			return p.printJSON(map[string]any{"device": d, "accounts": accounts})
		}
		fmt.Fprintf(p.out, "%s\nid: %s\nmodel: %s\nstatus: %s\ntrust: %s\nlast seen: %s\narmed: %s %s\n", d.label(), d.ID, d.Profile.Model, d.Status, d.Latchkey.Trust,
			when(d.Latchkey.LastSeen), d.Latchkey.Armed.State, d.Latchkey.Armed.Reason)
		if d.Latchkey.Claim != "" {
			fmt.Fprintf(p.out, "waits to be confirmed: certificate %s\n", d.Latchkey.Claim)
		}
		w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ACCOUNT\tFULL NAME\tLINKED TO\tRECOVERY")
		for _, a := range accounts {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Profile.Username, a.Profile.FullName, a.Latchkey.Linked, recoveryState(a))
		}
		return w.Flush()
	}})
}

func recoveryState(a account) string {
	r := a.Latchkey.Recovery
	switch {
	case !r.Registered:
		return "not registered"
	case !r.Proven:
		return "unproven, since " + when(r.ConfirmedAt)
	}
	return "ready, since " + when(r.ConfirmedAt)
}

func (p *program) deviceChange(op, short string) *cobra.Command {
	return p.remote(&cobra.Command{Use: op + " DEVICE", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := p.client()
		if err != nil {
			return err
		}
		d, err := c.device(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := c.call(cmd.Context(), "POST", "/api/v1/devices/"+d.ID+"/lifecycle/"+op, nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s: %s\n", d.label(), op)
		return nil
	}})
}

// deviceConfirm takes several serial numbers, for a list of one's own Macs.
func (p *program) deviceConfirm() *cobra.Command {
	return p.remote(&cobra.Command{Use: "confirm DEVICE…", Short: "Confirm that the certificates of Macs are their own", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := p.client()
		if err != nil {
			return err
		}
		in := map[string][]string{}
		for _, name := range args {
			d, err := c.device(cmd.Context(), name)
			if err != nil {
				return err
			}
			in["ids"] = append(in["ids"], d.ID)
		}
		var out struct {
			Confirmed []string `json:"confirmed"`
			Passed    []string `json:"passed"`
		}
		if err := c.call(cmd.Context(), "POST", "/api/v1/devices/confirm", in, &out); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "confirmed: %d\n", len(out.Confirmed))
		if len(out.Passed) > 0 {
			return refused(errors.New("no certificate waits for "+strings.Join(out.Passed, ", ")), "only a Mac that is UNVERIFIED or REENROLLED needs confirming")
		}
		return nil
	}})
}
