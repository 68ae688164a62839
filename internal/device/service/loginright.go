package service

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/rootfile"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// LoginRight keeps our mechanisms in the login window's right, or out of it:
// *loginright.Keeper, or a test's.
type LoginRight interface {
	Round(ctx context.Context, facts func(loginright.Standing) loginright.Facts) loginright.State
}

// What the store remembers of the login right.
const (
	rightToldKey   = "login-right/told"
	rightProofKey  = "login-right/proof"
	rightRemoteKey = "login-right/remote"
	setupKey       = "login-right/setup"
)

// rightEvery is how soon the right is looked at again where nothing asks for it:
// a round of every minute does.
const rightEvery = 2 * time.Minute

// setupPatience is how long Setup Assistant is waited for. On a Mac that skipped
// it, what says that it is through never comes; whoever is in it then passes as
// _mbsetupuser, who is exempt.
const setupPatience = time.Hour

// right is how the login right stood at the last round, and what asks for one.
type right struct {
	again chan struct{}
	since time.Duration // the daemon's start, on the continuous clock

	mu         sync.Mutex
	last       wire.Armed
	remoteFrom time.Duration // when this process heard of a remote disarm; 0: it has not
}

func (d *Daemon) newRight() *right {
	r := &right{again: make(chan struct{}, 1), since: d.clock.Continuous(), last: wire.Armed{State: "unknown", Reason: "it was not looked at yet"}}
	if d.options.LoginRight == nil {
		// Disarmed is what it is: no login window here asks for a second factor.
		r.last = wire.Armed{State: loginright.Absent.String(), Reason: "this machine has no authorization database"}
	}
	return r
}

// armed says how the login right stood when it was last looked at.
func (d *Daemon) armed() wire.Armed {
	d.right.mu.Lock()
	defer d.right.mu.Unlock()
	return d.right.last
}

// lookAtRight asks for a round soon.
func (d *Daemon) lookAtRight() {
	select {
	case d.right.again <- struct{}{}:
	default: // one is asked for already
	}
}

// keepLoginRight holds the right as the policy, the server and root ask: at the
// start, when one of them changes, and every minute, for an update of macOS puts
// its own list back without a word.
func (d *Daemon) keepLoginRight(ctx context.Context) {
	if d.options.LoginRight == nil {
		return
	}
	keeper := d.options.LoginRight(d)
	for ctx.Err() == nil {
		soon := time.NewTimer(cmp.Or(d.rightRound(ctx, keeper), rightEvery))
		select {
		case <-ctx.Done():
		case <-soon.C:
		case <-d.right.again:
		}
		soon.Stop()
	}
}

// rightRound is one round; it says how soon another one is due, if it is.
func (d *Daemon) rightRound(ctx context.Context, keeper LoginRight) time.Duration {
	s := keeper.Round(ctx, d.rightFacts)
	if ctx.Err() != nil && !s.Changed {
		return 0 // what went wrong is that the daemon ends
	}
	armed := wire.Armed{State: s.Word, Reason: cut(s.Reason)}
	told, err := d.tellRight(s) // before it is in the status: who waits for that has the event sent
	d.report("tell of the login right", err)
	d.right.mu.Lock()
	before := d.right.last
	d.right.last = armed
	d.right.mu.Unlock()
	if before != armed {
		d.log.Info("the login right", zap.String("state", armed.State), zap.String("reason", armed.Reason))
	}
	if told {
		d.kick() // and with the event goes the status that it tells of
	}
	return s.Again
}

// maxReason is how much of a reason is told: a check-in has room for more.
const maxReason = 300

func cut(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReason], "") + "…"
}

// rightFacts are what decides.
func (d *Daemon) rightFacts(standing loginright.Standing) loginright.Facts {
	p := d.inForce.Policy()
	f := loginright.Facts{Managed: true, InForce: p != nil, Off: d.inForce.Off(), Lost: d.inForce.lost.Load(), Standing: standing,
		ByHand: rootfile.Present(filepath.Join(d.options.Files, loginright.ByHandName)), RemoteEnds: d.remoteEnds(), SettingUp: d.settingUp()}
	if p != nil {
		f.Managed = p.ManageLoginRight.V
	}
	return f
}

// settingUp: Setup Assistant is not through. Once it was, or was waited for long
// enough, that is remembered.
func (d *Daemon) settingUp() bool {
	if d.options.SetupDone == "" {
		return false
	}
	waited, err := d.store.Read(setupKey)
	d.report("read whether Setup Assistant was waited for", err)
	if waited != nil {
		return false
	}
	_, err = os.Stat(d.options.SetupDone)
	over := d.clock.Continuous()-d.right.since >= setupPatience
	if err != nil && !over {
		return true
	}
	if err != nil {
		d.log.Warn("Setup Assistant was waited for, and is not waited for any longer", zap.Duration("waited", setupPatience))
	}
	d.report("remember that Setup Assistant is through", d.store.Write(map[string][]byte{setupKey: []byte("through")}))
	return false
}

// tellRight queues an event when the state is another than the one last told
// of, and whenever the right was written to. It reports whether there is one.
func (d *Daemon) tellRight(s loginright.State) (bool, error) {
	before, err := d.store.Read(rightToldKey)
	if err != nil || string(before) == s.Word && !s.Changed {
		return false, err
	}
	changes := map[string][]byte{rightToldKey: []byte(s.Word)}
	if err := d.journal.Stage(changes, events.LoginRightChanged, "", "state", s.Word, "found", s.Found.String(), "reason", cut(s.Reason)); err != nil {
		return false, err
	}
	if err := d.store.Write(changes); err != nil {
		return false, err
	}
	return true, nil
}

// maxRemote is how long a disarm by the server lasts at most (design §11),
// whatever the server says.
const maxRemote = 24 * time.Hour

// disarmRemotely takes the server's disarm, or its end: one that is over by now
// ends the one before.
func (d *Daemon) disarmRemotely(until *time.Time) error {
	if until == nil {
		return errUnknownCommand // one without an end is none that this version knows
	}
	now, ends := d.time.Now().Time, *until
	if most := now.Add(maxRemote); ends.After(most) {
		ends = most
	}
	raw := []byte(ends.UTC().Format(time.RFC3339Nano))
	if !ends.After(now) {
		raw = nil
	}
	if err := d.store.Write(map[string][]byte{rightRemoteKey: raw}); err != nil {
		return err
	}
	d.right.mu.Lock()
	d.right.remoteFrom = d.clock.Continuous()
	d.right.mu.Unlock()
	d.lookAtRight()
	return nil
}

// untilOf reads what disarmRemotely wrote; zero for nothing.
func untilOf(raw []byte) (time.Time, error) {
	if raw == nil {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, string(raw))
}

// remoteEnds is when the server's disarm ends; zero when there is none, or none
// any more. It ends by trusted time, and while time is not trusted it is over:
// who turns the clock back must not make the door stay open.
func (d *Daemon) remoteEnds() time.Time {
	raw, err := d.store.Read(rightRemoteKey)
	ends, parsed := untilOf(raw)
	if err = errors.Join(err, parsed); err != nil || ends.IsZero() {
		// Over by default: what cannot be read keeps no door open.
		d.report("read until when the server has disarmed this Mac", err)
		return time.Time{}
	}
	d.right.mu.Lock()
	ran := d.clock.Continuous() - d.right.remoteFrom
	heard := d.right.remoteFrom != 0
	d.right.mu.Unlock()
	now := d.time.Now()
	if !now.Trusted() || !now.Time.Before(ends) || heard && ran >= maxRemote {
		d.report("end the server's disarm", d.store.Write(map[string][]byte{rightRemoteKey: nil}))
		return time.Time{}
	}
	return ends
}

// Proven implements loginright.Proofs.
func (d *Daemon) Proven() string {
	raw, err := d.store.Read(rightProofKey)
	d.report("read which plug-in was seen to run", err)
	return string(raw)
}

// Prove implements loginright.Proofs.
func (d *Daemon) Prove(what string) error {
	return d.store.Write(map[string][]byte{rightProofKey: []byte(what)})
}
