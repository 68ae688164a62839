package deviceapi

import (
	"context"
	"database/sql"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
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
	devices      map[machine]directory.Device
	accounts     map[string][]directory.Account
	states       map[string]recovery.State // by account
	commands     map[string][]wire.Command

	visits []*directory.Device // that say the same as before
}

// machine is what tells a Mac from another: its hardware UUID and its serial
// number, folded.
type machine struct{ udid, serial string }

func machineOf(udid, serial string) machine {
	return machine{udid: store.Fold(udid), serial: store.Fold(serial)}
}

func (v *visit) machine() machine { return machineOf(v.in.Device.UDID, v.in.Device.Serial) }

// look reads what the visits need.
func (s *Server) look(ctx context.Context, tx *sql.Tx, visits []*visit) (p *picture, err error) {
	p = &picture{devices: make(map[machine]directory.Device, len(visits))}
	if p.settings, err = directory.Settings(ctx, tx); err != nil {
		return nil, err
	}
	if p.chains, err = pki.ChainIDs(ctx, tx); err != nil {
		return nil, err
	}
	fingerprints := make([]string, 0, len(visits))
	for _, v := range visits {
		fingerprints = append(fingerprints, v.id.fingerprint)
	}
	if p.certificates, err = pki.FindCertificates(ctx, tx, fingerprints); err != nil {
		return nil, err
	}
	ids, err := p.find(ctx, tx, visits)
	if err != nil || len(ids) == 0 {
		return p, err
	}
	if p.accounts, err = directory.AccountsOf(ctx, tx, ids); err != nil {
		return nil, err
	}
	var accounts []string
	for _, id := range ids {
		accounts = append(accounts, directory.IDs(p.accounts[id])...)
	}
	if p.states, err = s.Book.States(ctx, tx, accounts); err != nil {
		return nil, err
	}
	p.commands, err = directory.Waiting(ctx, tx, ids)
	return p, err
}

// find reads the Macs of visits: nearly all by the id that their certificate
// leads to, by which they are written at the end of the round, too. A new Mac, and
// one with a new certificate, is looked for by its serial number.
func (p *picture) find(ctx context.Context, tx *sql.Tx, visits []*visit) (ids []string, err error) {
	asked := make(map[machine]bool, len(visits))
	var known, serials []string
	for _, v := range visits {
		asked[v.machine()] = true
		if c := p.certificates[v.id.fingerprint]; c.DeviceID != "" {
			known = append(known, c.DeviceID)
		}
	}
	take := func(found []directory.Device) {
		for _, d := range found {
			// A certificate may be shown by another Mac than its own; and whoever feigns
			// a serial number many times makes nobody read all of those.
			if m := machineOf(d.UDID, d.Serial); asked[m] {
				p.devices[m], ids = d, append(ids, d.ID)
			}
		}
	}
	if len(known) > 0 {
		found, err := directory.DevicesByID(ctx, tx, known...)
		if err != nil {
			return nil, err
		}
		take(found)
	}
	for _, v := range visits {
		if _, ok := p.devices[v.machine()]; !ok {
			serials = append(serials, v.in.Device.Serial)
		}
	}
	if len(serials) > 0 {
		found, err := directory.DevicesBySerial(ctx, tx, serials...)
		if err != nil {
			return nil, err
		}
		take(found)
	}
	return ids, nil
}

// device is the Mac with that identity. The error is directory.ErrNotFound.
func (p *picture) device(in wire.CheckIn) (directory.Device, error) {
	d, ok := p.devices[machineOf(in.Device.UDID, in.Device.Serial)]
	if !ok {
		return directory.Device{}, directory.ErrNotFound
	}
	return d, nil
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
func (s *Server) registered(ctx context.Context, tx *sql.Tx, p *picture, accounts []directory.Account) (map[string]recovery.State, error) {
	if p.states == nil {
		return s.Book.States(ctx, tx, directory.IDs(accounts))
	}
	return p.states, nil
}

// keep stores a Mac after its check-in; one that says the same as before, at the
// end of the round.
func (p *picture) keep(ctx context.Context, tx *sql.Tx, before, d *directory.Device, now time.Time) error {
	if !d.SaysTheSame(before) {
		return directory.SaveDevice(ctx, tx, d, now)
	}
	p.visits = append(p.visits, d)
	return nil
}

// finish writes what is the same for all.
func (p *picture) finish(ctx context.Context, tx *sql.Tx, now time.Time) error {
	return directory.SaveVisits(ctx, tx, p.visits, now)
}
