package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// errUnknownCommand: this version does not know the command. It is not
// acknowledged, so that the server sees that it was not carried out.
var errUnknownCommand = errors.New("unknown command")

// Apply carries out what the server answered to a check-in: the time, the
// settings, what it remembers of the accounts, and commands, each once.
func (d *Daemon) Apply(_ context.Context, _ wire.CheckIn, a wire.CheckInAnswer, at checkin.Exchange) error {
	if err := d.anchor(a.Now, at); err != nil {
		return err
	}
	if err := d.settings(a.Settings); err != nil {
		return err
	}
	for _, acct := range a.Accounts {
		if err := d.links.SetPrelink(acct.GUID, acct.Prelink); err != nil {
			return err
		}
		if acct.FirstGovernedAt == nil {
			continue
		}
		if err := d.sessions.Remember(acct.GUID, *acct.FirstGovernedAt); err != nil {
			return err
		}
	}
	if err := d.commands(a.Commands); err != nil {
		return err
	}
	return d.rebuilt()
}

// anchor takes the server's time. One that came late is left, and the next
// check-in has another; the rest of the answer is as good as ever.
func (d *Daemon) anchor(server time.Time, at checkin.Exchange) error {
	err := d.time.Anchor(server, at.Asked, at.Answered)
	if errors.Is(err, trustedtime.ErrLate) {
		d.log.Warn("the time of a check-in is not taken", zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(d.recovery.Anchored(), d.sessions.Anchored())
}

// rebuilt ends the wait of a lost store for its first check-in.
func (d *Daemon) rebuilt() error {
	if !d.inForce.lost.Load() {
		return nil
	}
	if err := d.store.Write(map[string][]byte{lostKey: nil}); err != nil {
		return err
	}
	d.inForce.lost.Store(false)
	return nil
}

// settings takes the org's settings. Turning recovery off erases the secrets;
// turning it on makes new ones.
func (d *Daemon) settings(s wire.Settings) error {
	before := d.org.now()
	if before.Known && before.Settings == s {
		return nil
	}
	if err := d.org.change(func(o *orgState) { o.Known, o.Settings = true, s }); err != nil {
		return err
	}
	if !s.Recovery {
		return d.recovery.Off()
	}
	accounts, err := d.sessions.Accounts()
	if err != nil {
		return err
	}
	for guid := range accounts {
		if err := d.recovery.Register(guid); err != nil {
			return err
		}
	}
	return nil
}

// commands carries out each command once: a reset that is repeated because an
// answer was lost must not take the factor that was set up since.
func (d *Daemon) commands(list []wire.Command) error {
	done := d.org.now().Done
	var keep []string
	for _, c := range list {
		if !slices.Contains(done, c.ID) {
			if err := d.command(c); errors.Is(err, errUnknownCommand) {
				d.log.Warn("the server sent a command that this version does not know", zap.String("kind", c.Kind))
				continue
			} else if err != nil {
				return fmt.Errorf("carry out command %s: %w", c.Kind, err)
			}
		}
		keep = append(keep, c.ID)
		if !slices.Contains(done, c.ID) {
			done = append(done, c.ID)
			if err := d.org.change(func(o *orgState) { o.Done = slices.Clone(done) }); err != nil {
				return err
			}
		}
	}
	// What the server no longer sends it has seen acknowledged.
	if len(keep) == len(done) {
		return nil
	}
	return d.org.change(func(o *orgState) { o.Done = keep })
}

func (d *Daemon) command(c wire.Command) error {
	switch c.Kind {
	case wire.CommandResetFactors:
		return d.resetFactors(c.GUID, upTo(c))
	case wire.CommandEndWindow:
		return d.recovery.EndWindowUpTo(c.GUID, "voided", upTo(c))
	case wire.CommandRotate:
		return d.recovery.Rotate(c.GUID)
	case wire.CommandDisarm:
		return d.disarmRemotely(c.Until)
	case wire.CommandCheckIn:
		d.kick()
		return nil
	}
	return errUnknownCommand
}

// upTo is the moment that a command speaks of. Without one it speaks of all
// that there is.
func upTo(c wire.Command) time.Time {
	if c.Until == nil {
		return time.Unix(1<<40, 0)
	}
	return *c.Until
}

// resetFactors removes what was set up until then: a factor that the person
// has set up since, with the PIN that came with the reset, stays. The link to
// the org user goes as well, to be made anew by the rules.
func (d *Daemon) resetFactors(guid string, upTo time.Time) error {
	removed, err := d.removed(func(o owned) (int, error) { return o.RemoveUpTo(guid, upTo, "reset") })
	if err != nil {
		return err
	}
	link, linked, err := d.links.Of(guid)
	if err != nil {
		return err
	}
	if linked && !link.At.After(upTo) {
		if _, err := d.links.Remove(guid, "reset"); err != nil {
			return err
		}
		removed++
	}
	if removed == 0 {
		return nil
	}
	return d.sessions.Tell(guid, "Your administrator has reset your second factor on "+day(d.time.Now().Time)+".")
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }

// Uploads implements checkin.Secrets.
func (d *Daemon) Uploads(context.Context) ([]wire.SecretUpload, error) {
	if !d.org.RecoveryOn() {
		return nil, nil
	}
	return d.recovery.Uploads(d.inForce.Validity())
}

// Results implements checkin.Secrets.
func (d *Daemon) Results(_ context.Context, results []wire.SecretResult) error {
	return d.recovery.Results(results)
}
