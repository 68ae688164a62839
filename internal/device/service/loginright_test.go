package service_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright/righttest"
	"github.com/latchkey-mfa/latchkey/internal/device/store"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// stands waits until the login right is so, in the status and in macOS.
func (m *mac) stands(state, reason string) {
	m.t.Helper()
	m.until(state+": "+reason, func(s wire.Status) bool {
		return s.Armed.State == state && strings.Contains(s.Armed.Reason, reason) && m.list() == state
	})
}

func TestTheDaemonArmsAndTellsOfIt(t *testing.T) {
	m := newMac(t).start()
	m.stands("armed", "in force")
	m.ok(os.WriteFile(filepath.Join(m.options.Files, loginright.ByHandName), nil, 0o600))
	m.round()
	m.stands("disarmed", "by hand")
	m.restart()
	m.stands("disarmed", "by hand")
	m.ok(os.Remove(filepath.Join(m.options.Files, loginright.ByHandName)))
	m.round()
	m.stands("armed", "in force")
	// An update of macOS is found at the next look, and told of.
	m.authd.Put(loginright.Console, righttest.Stock(t, 10))
	m.round()
	m.stands("armed", "in force")
	m.stop()
	told, found := m.queued("device.desktop_mfa.login_right.changed"), []string{}
	for _, e := range told {
		found = append(found, e.Detail["found"]+" to "+e.Detail["state"])
	}
	want := "disarmed to armed, armed to disarmed, disarmed to armed, disarmed to armed"
	if got := strings.Join(found, ", "); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

// A removal has the daemon check in once its status says that the right is
// disarmed: the event is among what waits to be sent by then. The daemon's log has
// the state right after its status has.
func TestTheEventIsThereBeforeTheStatus(t *testing.T) {
	m := newMac(t)
	waiting := make(chan int, 10)
	m.options.Log = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.InfoLevel), zap.Hooks(func(e zapcore.Entry) error {
		if e.Message != "the login right" {
			return nil
		}
		s, err := m.daemon.Status(t.Context())
		waiting <- s.CheckIn.Queued
		return err
	}))
	m.start()
	m.stands("armed", "in force")
	<-waiting
	before := m.status().CheckIn.Queued
	m.ok(os.WriteFile(filepath.Join(m.options.Files, loginright.ByHandName), nil, 0o600))
	m.round()
	m.stands("disarmed", "by hand")
	if now := <-waiting; now <= before {
		t.Errorf("the status says that it is disarmed, and no event waits that does: %d wait, %d before", now, before)
	}
}

// queued are the events of that name that wait in the store of a daemon that was
// stopped.
func (m *mac) queued(name string) (found []wire.Event) {
	m.t.Helper()
	key, err := store.FileKey(m.options.State)
	m.ok(err)
	kept, err := store.Open(store.Options{Dir: m.options.State, Hardware: m.options.Machine.UDID, Key: key})
	m.ok(err)
	defer kept.Close()
	now, err := trustedtime.Open(m.clock, kept)
	m.ok(err)
	journal, err := events.Open(kept, now)
	m.ok(err)
	all, err := journal.Pending(wire.MaxCheckInEvents)
	m.ok(err)
	for _, e := range all {
		if e.Type == name {
			found = append(found, e)
		}
	}
	return found
}

func TestAFileThatAnyoneMayWriteIsNoDecision(t *testing.T) {
	m := newMac(t).start()
	m.stands("armed", "in force")
	path := filepath.Join(m.options.Files, loginright.ByHandName)
	m.ok(os.WriteFile(path, nil, 0o600))
	m.ok(os.Chmod(path, 0o666))
	m.round()
	if s := m.status(); s.Armed.State != "armed" {
		t.Errorf("%+v", s.Armed)
	}
}

func (m *mac) serverSays(c wire.Command) {
	m.t.Helper()
	now := m.clock.Wall()
	m.ok(m.daemon.Apply(m.t.Context(), wire.CheckIn{}, wire.CheckInAnswer{Now: now, Settings: wire.Settings{Recovery: true}, Commands: []wire.Command{c}},
		checkin.Exchange{Asked: m.clock.Continuous(), Answered: m.clock.Continuous()}))
}

func TestTheServerDisarmsForADayAtMost(t *testing.T) {
	m := newMac(t).start()
	m.stands("armed", "in force")
	year := m.clock.Wall().Add(365 * 24 * time.Hour)
	m.serverSays(wire.Command{ID: "cmd1", Kind: wire.CommandDisarm, Until: &year})
	m.stands("disarmed", "by the server until")
	m.restart()
	m.stands("disarmed", "by the server until")
	m.clock.Run(24 * time.Hour)
	m.round()
	m.stands("armed", "in force")

	soon := m.clock.Wall().Add(time.Hour)
	m.serverSays(wire.Command{ID: "cmd2", Kind: wire.CommandDisarm, Until: &soon})
	m.stands("disarmed", "by the server until")
	over := m.clock.Wall()
	m.serverSays(wire.Command{ID: "cmd3", Kind: wire.CommandDisarm, Until: &over})
	m.stands("armed", "in force")
	// One that does not say when it ends is not carried out.
	m.serverSays(wire.Command{ID: "cmd4", Kind: wire.CommandDisarm})
	m.round()
	m.stands("armed", "in force")
}

// TestAClockThatIsTurnedBackKeepsNoDoorOpen: the server's disarm is over as soon
// as time cannot be trusted.
func TestAClockThatIsTurnedBackKeepsNoDoorOpen(t *testing.T) {
	m := newMac(t).start()
	soon := m.clock.Wall().Add(10 * time.Hour)
	m.serverSays(wire.Command{ID: "cmd1", Kind: wire.CommandDisarm, Until: &soon})
	m.stands("disarmed", "by the server until")
	m.stop()
	m.clock.Reboot()
	m.clock.SetWall(-48 * time.Hour)
	m.start()
	m.stands("armed", "in force")
}

func TestSetupAssistantIsWaitedForAndNotForEver(t *testing.T) {
	m := newMac(t)
	m.options.SetupDone = filepath.Join(m.root, ".AppleSetupDone")
	m.start()
	m.stands("disarmed", "Setup Assistant is not through")
	m.clock.Run(time.Hour)
	m.round()
	m.stands("armed", "in force")
	m.authd.Put(loginright.Console, righttest.Stock(t, 11))
	m.restart() // it was waited for, and is not again
	m.stands("armed", "in force")

	m = newMac(t)
	m.options.SetupDone = filepath.Join(m.root, ".AppleSetupDone")
	m.start()
	m.stands("disarmed", "Setup Assistant is not through")
	m.ok(os.WriteFile(m.options.SetupDone, nil, 0o400))
	m.round()
	m.stands("armed", "in force")
}

func TestARightThatIsNotOursToEditIsLeft(t *testing.T) {
	m := newMac(t)
	m.profile("<key>LatchkeyManageLoginRight</key><false/>")
	m.start()
	m.stands("disarmed", "LatchkeyManageLoginRight")
	if n := m.authd.Writes(); n != 0 {
		t.Errorf("it was written %d times", n)
	}
}
