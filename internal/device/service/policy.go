package service

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/managedprefs"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const (
	lastGoodKey = "policy/last-good"
	toldKey     = "policy/told"
)

// openPolicy puts the last good policy into force and looks at the profile.
func (d *Daemon) openPolicy(ctx context.Context) error {
	raw, err := d.store.Read(lastGoodKey)
	if err != nil {
		return err
	}
	if raw != nil {
		// A newer version may refuse what an older one took: then there is no
		// last good policy, and that is said.
		d.report("restore the last good policy", d.inForce.source.Restore(raw))
	}
	if err := os.MkdirAll(d.options.Files, 0o755); err != nil {
		return fmt.Errorf("make the folder of the gate file: %w", err)
	}
	s, err := d.inForce.source.Read(ctx)
	if err != nil {
		return err
	}
	d.policyChanged(s)
	return nil
}

func (d *Daemon) watchPolicy(ctx context.Context) {
	d.inForce.source.Watch(ctx, d.options.PollEvery, d.policyChanged)
}

// policyChanged keeps a good policy, tells of the change, and brings the files
// that the plug-in falls back on up to date.
func (d *Daemon) policyChanged(s managedprefs.Snapshot) {
	if s.State == managedprefs.Good {
		d.report("keep the policy", d.store.Write(map[string][]byte{lastGoodKey: s.Raw}))
	}
	for _, p := range s.Problems {
		d.log.Warn("the managed profile", zap.String("state", s.State.String()), zap.Stringer("problem", p))
	}
	d.tellPolicy(s)
	d.writeFiles(context.Background())
	d.kick()
	d.lookAtRight()
}

// policyOff is the state told of when a profile has been gone for so long that
// MFA counts as turned off.
const policyOff = "off"

// tellPolicy queues an event when the state or the profile is another than the
// one last told of, by this process or an earlier one.
func (d *Daemon) tellPolicy(s managedprefs.Snapshot) {
	name := map[managedprefs.State]string{managedprefs.Good: events.PolicyGood, managedprefs.Bad: events.PolicyBad, managedprefs.Gone: events.PolicyGone}[s.State]
	d.telling.Lock()
	defer d.telling.Unlock()
	state := s.State.String()
	if d.inForce.Off() {
		state = policyOff
	}
	told, err := json.Marshal([]string{state, s.SHA256})
	if err != nil || name == "" {
		return
	}
	before, err := d.store.Read(toldKey)
	if err == nil && string(before) == string(told) {
		return
	}
	changes := map[string][]byte{toldKey: told}
	if err := d.journal.Stage(changes, name, "", "sha256", s.SHA256, "state", state); err != nil {
		d.report("queue the event of a policy", err)
		return
	}
	d.report("queue the event of a policy", d.store.Write(changes))
}

// writeFiles writes the gate and the contact file. While MFA is turned off the
// gate lets everyone pass without the daemon too: one that is removed then must
// not lock anybody out.
func (d *Daemon) writeFiles(ctx context.Context) {
	d.writing.Lock() // whoever comes last has looked last
	defer d.writing.Unlock()
	p, off := d.inForce.Policy(), d.inForce.Off()
	gate := gateFile(ctx, p, d.options.Directory, d.exempt.list(), d.killSwitchPath())
	if off {
		gate.Unavailable = policy.UnavailableAllow
	}
	d.offWritten.Store(off)
	d.report("write the gate file", writeFile(filepath.Join(d.options.Files, gateFileName), 0o600, gate))
	contact := wire.ContactFile{V: wire.Version, Name: d.machine.Name, Serial: d.machine.Serial}
	if p != nil {
		contact.AdminEmail, contact.AdminPhone = p.AdminEmail.V, p.AdminPhone.V
	}
	d.report("write the contact file", writeFile(filepath.Join(d.options.Files, contactFileName), 0o644, contact))
}
