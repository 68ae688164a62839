package deviceapi

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// picture is what a round knows: read for all its Macs together, since most of
// them only say that nothing has happened. No two visits of a round are of the
// same Mac or certificate, so that what one writes is not what another has read;
// what a visit itself makes stale, it forgets.
type picture struct {
	settings wire.Settings
	chains   map[string]bool // of authorities of the org's own that are trusted

	certificates map[string]pki.Certificate // by fingerprint: those that are not revoked
	devices      []directory.Device         // of the visits
	accounts     map[string][]directory.Account
	states       map[string]recovery.State // by account
	commands     map[string][]wire.Command

	seen   []string           // accounts of which nothing but the time is new
	visits []directory.Device // that say the same as before
}

// look reads what the visits need.
func (s *Server) look(ctx context.Context, tx *sql.Tx, visits []*visit) (p *picture, err error) {
	p = &picture{}
	var fingerprints, serials, ids []string
	for _, v := range visits {
		fingerprints, serials = append(fingerprints, v.id.fingerprint), append(serials, v.in.Device.Serial)
	}
	if p.settings, err = directory.Settings(ctx, tx); err != nil {
		return nil, err
	}
	if p.chains, err = pki.ChainIDs(ctx, tx); err != nil {
		return nil, err
	}
	if p.certificates, err = pki.FindCertificates(ctx, tx, fingerprints); err != nil {
		return nil, err
	}
	found, err := directory.DevicesBySerial(ctx, tx, serials...)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		// Whoever feigns a serial number many times makes nobody read all of those.
		if slices.ContainsFunc(visits, func(v *visit) bool { return d.Is(v.in.Device.UDID, v.in.Device.Serial) }) {
			p.devices, ids = append(p.devices, d), append(ids, d.ID)
		}
	}
	if len(ids) == 0 {
		return p, nil
	}
	if p.accounts, err = directory.AccountsOf(ctx, tx, ids); err != nil {
		return nil, err
	}
	if p.states, err = s.Book.States(ctx, tx, ids); err != nil {
		return nil, err
	}
	p.commands, err = directory.Waiting(ctx, tx, ids)
	return p, err
}

// device is the Mac with that identity. The error is directory.ErrNotFound.
func (p *picture) device(in wire.CheckIn) (directory.Device, error) {
	for _, d := range p.devices {
		if d.Is(in.Device.UDID, in.Device.Serial) {
			return d, nil
		}
	}
	return directory.Device{}, directory.ErrNotFound
}

// waiting are the commands for a Mac.
func (p *picture) waiting(ctx context.Context, tx *sql.Tx, deviceID string) ([]wire.Command, error) {
	if p.commands == nil {
		found, err := directory.Waiting(ctx, tx, []string{deviceID})
		return append([]wire.Command{}, found[deviceID]...), err
	}
	return append([]wire.Command{}, p.commands[deviceID]...), nil
}

// changed forgets what a visit has made stale, for those after it too: what it
// did is rare, and reading again is cheap.
func (p *picture) changed() { p.commands, p.states = nil, nil }

// registered are the states of a Mac's accounts.
func (s *Server) registered(ctx context.Context, tx *sql.Tx, p *picture, deviceID string) (map[string]recovery.State, error) {
	if p.states == nil {
		return s.Book.States(ctx, tx, []string{deviceID})
	}
	return p.states, nil
}

// keep stores a Mac after its check-in; one that says the same as before, at the
// end of the round.
func (p *picture) keep(ctx context.Context, tx *sql.Tx, before directory.Device, d *directory.Device, now time.Time) error {
	if !d.SaysTheSame(before) {
		return directory.SaveDevice(ctx, tx, d, now)
	}
	p.visits = append(p.visits, *d)
	return nil
}

// finish writes what is the same for all.
func (p *picture) finish(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if err := directory.SaveVisits(ctx, tx, p.visits, now); err != nil {
		return err
	}
	return directory.Seen(ctx, tx, p.seen, now)
}
