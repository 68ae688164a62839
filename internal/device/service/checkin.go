package service

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

var (
	_ checkin.Reporter = (*Daemon)(nil)
	_ checkin.Secrets  = (*Daemon)(nil)
	_ checkin.Answers  = (*Daemon)(nil)
)

func (d *Daemon) newCheckIns() (*checkin.Runner, error) {
	o := checkin.Options{
		URL:      d.serverURL,
		Identity: d.identity(),
		Reporter: d, Secrets: d, Events: d.journal, Answers: d,
		State: checkin.KeptIn(d.store), Clock: d.clock, Random: rand.Float64, Log: d.log,
	}
	if d.options.CAFile != "" {
		roots, err := checkin.LoadRoots(d.options.CAFile)
		if err != nil {
			return nil, err
		}
		o.Roots = roots
	}
	return checkin.New(o), nil
}

func (d *Daemon) serverURL() string {
	if p := d.inForce.Policy(); p != nil {
		return p.RecoveryURL.V
	}
	return ""
}

// Restored implements checkin.Answers: this store is an older copy, so every
// secret in it may be known to whoever has the copy.
func (d *Daemon) Restored(context.Context, uint64) error {
	if err := d.recovery.Rotate(""); err != nil {
		return err
	}
	return d.journal.Record(events.StoreRestored, "")
}

// checkInNow closes the books of the minute first, so that what they say goes
// along.
func (d *Daemon) checkInNow(ctx context.Context) (wire.Dictionary, error) {
	d.round()
	result, err := d.checkIns.Now(ctx)
	if err != nil {
		return nil, xipc.Failure{Code: "check_in", Message: checkInProblem(err)}
	}
	return wire.Dictionary{"rounds": int64(result.Rounds), "events": int64(result.Events), "device_id": result.DeviceID}, nil
}

// checkInProblem is an error of a check-in for an administrator on this Mac.
// It holds no secret: the transport's errors name hosts and states alone.
func checkInProblem(err error) string {
	var refusal *checkin.Refusal
	if errors.As(err, &refusal) && refusal.Reason != "" {
		return "the server refuses this device: " + refusal.Reason
	}
	return err.Error()
}

func (d *Daemon) checkInStatus() wire.CheckInStatus {
	s := d.checkIns.Status()
	out := wire.CheckInStatus{Server: s.URL, DeviceID: s.DeviceID, Problem: s.Problem, Queued: d.journal.Queued(), Last: optional(s.Answered)}
	if s.Reason != "" {
		out.Problem = "the server refuses this device: " + s.Reason
	}
	return out
}
