package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/catalogue"
	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/device/linking"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/managedprefs"
	idp "github.com/latchkey-mfa/latchkey/internal/device/org"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/device/rootfile"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
)

// Options say where the daemon works and on what.
type Options struct {
	State   string // folder of the store and the identity, mode 0700
	Files   string // folder of the gate and contact files, mode 0755
	Sockets string // folder of the three sockets
	CAFile  string // further root certificates for the server; "" for none

	ManagedPreferences string // folder of the profile
	PollEvery          time.Duration

	Clock     clock.Clock
	Machine   machine.Machine
	Directory Directory
	Keys      securitykey.Ports // where security keys are plugged in

	// SealingKey is the key of the store: on a Mac out of the keychain. nil: a
	// file beside the store, which no Mac takes.
	SealingKey func(ctx context.Context) ([]byte, error)
	// Identity is the Device Access certificate that is in force at now: on a Mac
	// out of the keychain. nil: the folder of `latchkey certificate`.
	Identity func(now func() time.Time) checkin.Identity

	// Held are the sockets that the system's starter of daemons made, by role;
	// what is not among them the daemon makes.
	Held map[string]*net.UnixListener

	// LoginRight makes what edits the login right. nil: this machine has no
	// authorization database.
	LoginRight func(loginright.Proofs) LoginRight
	SetupDone  string // file that says that Setup Assistant is through; "" for none
	Version    string
	Log        *zap.Logger
}

// Directory finds the accounts of this machine.
type Directory interface {
	session.Directory
	Accounts
}

// Daemon is the daemon between Open and the end of Run.
type Daemon struct {
	options Options
	clock   clock.Clock
	machine machine.Machine
	version string
	log     *zap.Logger

	store      *store.Store
	time       *trustedtime.Keeper
	journal    *events.Journal
	recovery   *recovery.Recovery
	accessCode *accesscode.AccessCode
	offlineKey *offlinekey.OfflineKey
	org        *org
	idp        *idp.Org // verifies online factors
	links      *linking.Links
	inForce    *InForce
	sessions   *session.Manager
	texts      *catalogue.Catalogue // nil: English alone
	checkIns   *checkin.Runner
	exempt     *exemptSeen
	right      *right
	rounds     sync.Mutex  // one round at a time
	telling    sync.Mutex  // one event of a policy at a time
	writing    sync.Mutex  // one writer of the gate and the contact file at a time
	offWritten atomic.Bool // the gate file says that MFA is turned off
}

// Open opens the store and puts the parts together. It reads the profile once,
// so that the first login meets a policy.
func Open(ctx context.Context, o Options) (*Daemon, error) {
	d := &Daemon{options: o, clock: o.Clock, machine: o.Machine, version: o.Version, log: o.Log}
	d.right = d.newRight()
	d.inForce = &InForce{source: managedprefs.New(o.ManagedPreferences, managedprefs.Options{Clock: o.Clock})}
	lost, err := d.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.openParts(), d.openPolicy(ctx)); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	if lost != "" {
		d.report("queue the event of a lost store", d.journal.Record(events.StoreUnreadable, "", "set_aside", filepath.Base(lost)))
	}
	return d, nil
}

const lostKey = "store/lost"

// openStore opens the store. One that cannot be read is set aside, and the
// daemon answers as unavailable until a check-in has brought back what the
// server remembers (design §7).
func (d *Daemon) openStore(ctx context.Context) (aside string, err error) {
	key, err := d.sealingKey(ctx)
	if err != nil {
		return "", err
	}
	o := store.Options{Dir: d.options.State, Hardware: d.machine.UDID, Key: key}
	d.store, err = store.Open(o)
	if errors.Is(err, store.ErrUnreadable) {
		d.log.Error("the store cannot be read and is set aside", zap.Error(err))
		if aside, err = store.SetAside(d.options.State, d.clock.Wall()); err != nil {
			return "", err
		}
		if d.store, err = store.Open(o); err != nil {
			return "", err
		}
		if err := d.store.Write(map[string][]byte{lostKey: []byte(aside)}); err != nil {
			return "", errors.Join(err, d.store.Close())
		}
	}
	if err != nil {
		return "", err
	}
	raw, err := d.store.Read(lostKey)
	if err != nil {
		return "", errors.Join(err, d.store.Close())
	}
	d.inForce.lost.Store(raw != nil)
	return aside, nil
}

func (d *Daemon) sealingKey(ctx context.Context) ([]byte, error) {
	if d.options.SealingKey == nil {
		return store.FileKey(d.options.State)
	}
	return d.options.SealingKey(ctx)
}

func (d *Daemon) openParts() error {
	var err error
	if d.time, err = trustedtime.Open(d.clock, d.store); err != nil {
		return err
	}
	if d.journal, err = events.Open(d.store, d.time); err != nil {
		return err
	}
	if d.org, err = openOrg(d.store); err != nil {
		return err
	}
	if d.exempt, err = openExempt(d.store); err != nil {
		return err
	}
	d.recovery = recovery.New(d.store, d.journal, d.time, rand.Reader)
	d.accessCode = accesscode.New(d.store, d.journal, d.time, func() string { return d.machine.Name }, d.orgName)
	d.offlineKey = &offlinekey.OfflineKey{Records: d.store, Journal: d.journal, Time: d.time, Keys: d.keys(), Org: d.orgName}
	d.links = linking.New(d.store, d.journal, d.time)
	if err := errors.Join(d.recovery.EnterBoot(), d.accessCode.EnterBoot()); err != nil {
		return fmt.Errorf("carry the waits over: %w", err)
	}
	if d.idp, err = d.newOrg(); err != nil {
		return err
	}
	if d.texts, err = catalogue.Open(); err != nil {
		d.log.Error("the texts of other languages cannot be read, and everything is said in English", zap.Error(err))
	}
	d.sessions = d.newSessions()
	d.checkIns, err = d.newCheckIns()
	return err
}

// Run serves until ctx ends or a part fails. ready is called once the sockets
// answer.
func (d *Daemon) Run(ctx context.Context, ready func()) error {
	defer d.store.Close()
	listeners, err := d.listen(d.options.Sockets)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() error { return serveSocket(ctx, l) })
	}
	group.Go(func() error { d.watchPolicy(ctx); return nil })
	group.Go(func() error { d.everyMinute(ctx); return nil })
	group.Go(func() error { d.checkIns.Run(ctx); return nil })
	group.Go(func() error { d.keepLoginRight(ctx); return nil })
	ready()
	err = group.Wait()
	d.sessions.Wait()
	d.idp.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func serveSocket(ctx context.Context, l *xipc.Listener) error { return l.Serve(ctx) }

// everyMinute does what no request asks for: it keeps the clock's floor, tells
// of a clock that was moved, and closes windows that are over.
func (d *Daemon) everyMinute(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		d.round()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Daemon) round() {
	d.rounds.Lock()
	defer d.rounds.Unlock()
	_, err := d.time.Observe()
	d.report("observe the clock", err)
	d.report("tell of the clock", d.time.Tell(d.tellClock))
	d.report("tell of the kill-switch", d.tellKillSwitch())
	d.tellPolicy(d.inForce.source.Last()) // a profile that has been gone for long enough
	if d.inForce.Off() != d.offWritten.Load() {
		d.writeFiles(context.Background())
	}
	d.lookAtRight()
	if p := d.inForce.Policy(); p != nil {
		d.report("close the windows that are over", d.recovery.Sweep(p.DeviceRecoveryPINDuration.V))
	}
}

func (d *Daemon) tellClock(into map[string][]byte, c trustedtime.Change) error {
	name := events.ClockTrusted
	switch {
	case c.To == trustedtime.Untrusted:
		name = events.ClockRollback
	case c.From != trustedtime.Untrusted:
		return nil // from the wall clock to the server's time: nothing to tell
	}
	d.log.Warn("the clock", zap.String("from", string(c.From)), zap.String("to", string(c.To)))
	return d.journal.Stage(into, name, "", "from", string(c.From), "to", string(c.To), "wall", c.Wall.Format(time.RFC3339))
}

// killSwitchName is the file beside the store whose presence lets everyone in
// with the password alone (design §13, break-glass).
const killSwitchName = "kill-switch"

const killSwitchToldKey = "kill-switch/told"

// tellKillSwitch queues an event when the file has come or gone since it was
// last told of, by this process or an earlier one.
func (d *Daemon) tellKillSwitch() error {
	told, err := d.store.Read(killSwitchToldKey)
	there := d.killSwitch()
	if err != nil || there == (told != nil) {
		return err
	}
	changes, state := map[string][]byte{killSwitchToldKey: nil}, "absent"
	if there {
		changes[killSwitchToldKey], state = []byte{1}, "present"
	}
	d.log.Warn("the kill-switch file", zap.String("state", state))
	if err := d.journal.Stage(changes, events.KillSwitch, "", "state", state); err != nil {
		return err
	}
	return d.store.Write(changes)
}

// report logs an error at this, the daemon's edge.
func (d *Daemon) report(doing string, err error) {
	if err != nil {
		d.log.Error("could not "+doing, zap.Error(err))
	}
}

func (d *Daemon) kick() {
	if d.checkIns != nil {
		d.checkIns.Kick()
	}
}

func (d *Daemon) killSwitch() bool { return rootfile.Present(d.killSwitchPath()) }

func (d *Daemon) killSwitchPath() string { return filepath.Join(d.options.Files, killSwitchName) }
