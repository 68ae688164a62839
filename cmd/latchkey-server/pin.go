package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// warning stands before every PIN.
const warning = `Before you read this PIN to anyone: authenticate the caller, the Mac and the request by your organisation's procedure.
Whoever has the PIN and the account's password can sign in to this Mac.
`

// issued is the server's answer.
type issued struct {
	wire.IssuedPIN
	Warnings []string `json:"warnings,omitempty"`
}

// target names an account on the command line.
type target struct{ device, user string }

func (t *target) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.device, "device", "", "serial number, computer name or id of the Mac (required)")
	cmd.Flags().StringVar(&t.user, "user", "", "short name of the account on it (required)")
}

// find resolves the names.
func (t *target) find(p *program, cmd *cobra.Command) (*client, device, account, error) {
	if t.device == "" || t.user == "" {
		return nil, device{}, account{}, usage(errors.New("--device and --user are needed"), "the caller reads the serial number from the login window: Contact admin")
	}
	c, err := p.client()
	if err != nil {
		return nil, device{}, account{}, err
	}
	d, err := c.device(cmd.Context(), t.device)
	if err != nil {
		return nil, device{}, account{}, err
	}
	a, err := c.account(cmd.Context(), d, t.user)
	return c, d, a, err
}

func pinsPath(d device, a account) string {
	return "/api/v1/devices/" + d.ID + "/os-accounts/" + a.ID + "/recovery-pins"
}

func (p *program) pinCommand() *cobra.Command {
	return group("pin", "Device recovery PINs", p.pinGenerate(), p.pinList(), p.pinVoid())
}

func (p *program) pinGenerate() *cobra.Command {
	var t target
	var in wire.PINRequest
	cmd := p.remote(&cobra.Command{Use: "generate", Short: "Generate a PIN to read aloud", Args: cobra.NoArgs})
	t.flags(cmd)
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is needed; recorded (required)")
	cmd.Flags().StringVar(&in.Ticket, "ticket", "", "number of the help desk's ticket; recorded")
	cmd.Flags().StringVar(&in.DeviceCode, "device-code", "", "eight digits from the Mac's screen, for a Mac whose clock is wrong")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, d, a, err := t.find(p, cmd)
		if err != nil {
			return err
		}
		var out issued
		if err := c.call(cmd.Context(), "POST", pinsPath(d, a), in, &out); err != nil {
			return err
		}
		return p.showPIN(d, a, out)
	}
	return cmd
}

func (p *program) showPIN(d device, a account, out issued) error {
	now, err := p.now()
	if err != nil {
		return err
	}
	left := min(max(out.ShownUntil.Sub(now()), 0), recoverypin.Shown).Truncate(time.Second)
	if p.asJSON {
		return p.printJSON(struct {
			issued
			SecondsLeft int `json:"secondsLeft"`
		}{out, int(left / time.Second)})
	}
	pin, err := recoverypin.ParsePIN(out.PIN)
	if err != nil {
		return failed(errors.New("the server's answer holds no PIN"), "is the server of the same version?")
	}
	fmt.Fprint(p.streams.err, warning)
	for _, w := range out.Warnings {
		fmt.Fprintln(p.streams.err, "warning: "+w)
	}
	fmt.Fprintf(p.out, "PIN: %s\n", pin.Grouped())
	if out.Method == recoverypin.ByDeviceCode.String() {
		fmt.Fprintf(p.out, "for: %s on %s, while its screen shows that device code\n", a.Profile.Username, d.label())
	} else {
		fmt.Fprintf(p.out, "for: %s on %s, to be typed within %d seconds\n", a.Profile.Username, d.label(), int(left/time.Second))
	}
	fmt.Fprintf(p.out, "once accepted it works for %d minutes; id: %s\n", out.DurationMinutes, out.ID)
	return nil
}

func (p *program) pinList() *cobra.Command {
	var t target
	cmd := p.remote(&cobra.Command{Use: "list", Short: "List the PINs of an account, without their digits", Args: cobra.NoArgs})
	t.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, d, a, err := t.find(p, cmd)
		if err != nil {
			return err
		}
		var pins []struct {
			ID       string     `json:"id"`
			IssuedAt time.Time  `json:"issuedAt"`
			Method   string     `json:"method"`
			IssuedBy string     `json:"issuedBy"`
			Reason   string     `json:"reason"`
			Ticket   string     `json:"ticket"`
			UsedAt   *time.Time `json:"usedAt"`
			VoidedAt *time.Time `json:"voidedAt"`
		}
		if err := c.call(cmd.Context(), "GET", pinsPath(d, a), nil, &pins); err != nil {
			return err
		}
		if p.asJSON {
			return p.printJSON(pins)
		}
		w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tISSUED\tMETHOD\tBY\tUSED\tVOIDED\tTICKET\tREASON")
		for _, v := range pins {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, when(&v.IssuedAt), v.Method, v.IssuedBy, when(v.UsedAt), when(v.VoidedAt), v.Ticket, v.Reason)
		}
		return w.Flush()
	}
	return cmd
}

func (p *program) pinVoid() *cobra.Command {
	var t target
	cmd := p.remote(&cobra.Command{Use: "void PIN-ID", Short: "End the window of a PIN at the Mac's next check-in", Args: cobra.ExactArgs(1)})
	t.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, d, a, err := t.find(p, cmd)
		if err != nil {
			return err
		}
		if err := c.call(cmd.Context(), "POST", pinsPath(d, a)+"/"+args[0]+"/void", nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "void; the Mac hears of it at its next check-in\n")
		return nil
	}
	return cmd
}

// deviceResetFactors is for a factor that was lost or stolen: what was set up
// until now goes, what is set up later stays.
func (p *program) deviceResetFactors() *cobra.Command {
	var t target
	cmd := p.remote(&cobra.Command{Use: "reset-factors", Short: "Reset the factors of one account of a Mac at its next check-in", Args: cobra.NoArgs})
	t.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, d, a, err := t.find(p, cmd)
		if err != nil {
			return err
		}
		path := "/api/v1/devices/" + d.ID + "/os-accounts/" + a.ID + "/reset-factors"
		if err := c.call(cmd.Context(), "POST", path, nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "reset; the Mac hears of it at its next check-in\n")
		return nil
	}
	return cmd
}
