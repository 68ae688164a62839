package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// deviceDisarm is for when nobody can reach the console any more. It works in
// the data folder, since the API has no way to see that a person is there.
func (p *program) deviceDisarm() *cobra.Command {
	var reason string
	var end bool
	cmd := p.local(&cobra.Command{Use: "disarm DEVICE", Short: "Let everybody into a Mac with the password alone for a day, from its next check-in on, in the data folder of this machine", Args: cobra.ExactArgs(1)})
	cmd.Flags().StringVar(&reason, "reason", "", "why it is needed; recorded (required, but for --end)")
	cmd.Flags().BoolVar(&end, "end", false, "end it at the Mac's next check-in instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var d device
		var until time.Time
		err := p.withData(cmd, func(ctx context.Context, open *data, tx *sql.Tx) (err error) {
			if d, err = oneMac(ctx, tx, args[0]); err != nil {
				return err
			}
			by := desk.Operator{Log: open.log, Now: open.now}
			if end {
				return by.EndDisarm(ctx, tx, d.ID)
			}
			until, err = by.Disarm(ctx, tx, d.ID, reason)
			return err
		})
		switch {
		case err != nil:
			return disarmHint(err)
		case end:
			fmt.Fprintf(p.out, "%s: the disarm ends at its next check-in\n", d.label())
		default:
			fmt.Fprintf(p.out, "%s: disarmed from its next check-in until %s\n", d.label(), when(&until))
		}
		return nil
	}
	return cmd
}

func disarmHint(err error) error {
	var bad *desk.InvalidError
	switch {
	case errors.As(err, &bad):
		return usage(fmt.Errorf("--%w", err), "it stands in the System Log, for whoever asks later why this Mac was open")
	case errors.Is(err, directory.ErrState):
		return refused(err, "latchkey-server device show tells how the Mac stands")
	}
	return err
}

// oneMac finds the Mac that a person names, as client.device does, in the data
// folder.
func oneMac(ctx context.Context, tx *sql.Tx, name string) (device, error) {
	if d, err := directory.DeviceByID(ctx, tx, name); err == nil {
		return asNamed(d), nil
	} else if !errors.Is(err, directory.ErrNotFound) {
		return device{}, err
	}
	var near []device
	for p := (directory.Page{Limit: directory.MaxPage}); ; {
		found, err := directory.Devices(ctx, tx, name, p)
		if err != nil {
			return device{}, err
		}
		for _, d := range found {
			// Of those that are only like it a few are enough, for the error.
			if one := asNamed(d); one.is(name) || len(near) < 5 {
				near = append(near, one)
			}
		}
		if len(found) < p.Limit {
			return oneNamed(name, near)
		}
		p.After = found[len(found)-1].ID
	}
}

// asNamed is a Mac as the command line names it.
func asNamed(d directory.Device) (out device) {
	out.ID, out.Profile.DisplayName, out.Profile.SerialNumber = d.ID, d.Label(), d.Serial
	return out
}
