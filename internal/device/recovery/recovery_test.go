package recovery_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

func TestAPINOpensAWindowForItsUserOnly(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	m.clock.Run(100 * time.Second)
	if v := m.want(pin, recovery.Activated); v.Window != time.Hour || v.Method != recoverypin.ByTime {
		t.Errorf("verdict %+v", v)
	}
	m.clock.Run(59 * time.Minute)
	m.want(pin, recovery.Reused)
	if v := m.try(bob, pin); v.Accepted() {
		t.Error("it worked for another user")
	}
	m.clock.Run(time.Minute)
	m.want(pin, recovery.Expired)
	if v := m.want(pin, recovery.Expired); v.Wait != 0 {
		t.Error("an expired PIN counted as a miss")
	}
}

func TestAPINIsGoodForTwoMinutesAndTheSkew(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	m.clock.Run(151 * time.Second)
	m.want(pin, recovery.Wrong)
}

func TestWhatIsMistypedIsNoAttempt(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	swapped := pin[1:2] + pin[0:1] + pin[2:]
	if swapped == pin {
		swapped = string('0'+(pin[0]-'0'+1)%10) + pin[1:]
	}
	for range 20 {
		m.want(swapped, recovery.Mistyped)
		m.want(pin[:8], recovery.NotAPIN)
	}
	m.want(pin, recovery.Activated)
}

func TestASecondPINRestartsTheWindowAndVoidsTheFirst(t *testing.T) {
	m := newMac(t)
	first := m.issue()
	m.want(first, recovery.Activated)
	m.clock.Run(50 * time.Minute)
	second := m.issue()
	m.want(second, recovery.Activated)
	m.want(first, recovery.Expired)
	m.clock.Run(50 * time.Minute)
	m.want(second, recovery.Reused)
}

func TestAnActivationVoidsEveryEarlierPIN(t *testing.T) {
	m := newMac(t)
	early := m.issue()
	m.clock.Run(10 * time.Second)
	m.want(m.issue(), recovery.Activated)
	m.want(early, recovery.Wrong)
}

// TestLockOut is recovery-pin-v1 §6, through restarts and a reboot.
func TestLockOut(t *testing.T) {
	m := newMac(t)
	for i := range 4 {
		if v := m.want(wrong(i), recovery.Wrong); v.Wait != 0 {
			t.Fatalf("miss %d waits %s", i+1, v.Wait)
		}
	}
	if v := m.want(wrong(4), recovery.Wrong); v.Wait != time.Minute {
		t.Fatalf("the fifth miss waits %s, want a minute", v.Wait)
	}
	m.restart()
	if v := m.want(m.issue(), recovery.Throttled); v.Wait != time.Minute {
		t.Fatalf("after a kill %s are left, want all", v.Wait)
	}
	m.clock.Run(30 * time.Second)
	_, err := m.keeper.Observe()
	m.ok(err)
	m.clock.Reboot()
	m.clock.SetWall(24 * time.Hour)
	m.restart()
	if v := m.want(wrong(5), recovery.Throttled); v.Wait != 30*time.Second {
		t.Fatalf("after a reboot %s are left, want what was left", v.Wait)
	}
	m.checkIn()
	for i, want := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
		m.clock.Run(time.Hour)
		if v := m.want(wrong(10+i), recovery.Wrong); v.Wait != want*time.Minute {
			t.Fatalf("miss %d waits %s, want %d minutes", 6+i, v.Wait, want)
		}
	}
	m.clock.Run(time.Hour)
	if v := m.want(m.issue(), recovery.Wrong); !v.OnlyDeviceCode {
		t.Fatal("after ten misses a timed PIN was still taken")
	}
	m.clock.Run(time.Hour)
	m.want(m.answer(), recovery.Activated)
	if v := m.want(wrong(30), recovery.Wrong); v.Wait != 0 || v.OnlyDeviceCode {
		t.Errorf("an activated PIN did not end the streak: %+v", v)
	}
}

func TestAnotherFactorEndsTheWaitNotTheCount(t *testing.T) {
	m := newMac(t)
	for i := range 5 {
		m.want(wrong(i), recovery.Wrong)
	}
	m.ok(m.FactorSucceeded(ada))
	if v := m.want(wrong(9), recovery.Wrong); v.Wait != 2*time.Minute {
		t.Errorf("the sixth miss waits %s, want two minutes", v.Wait)
	}
}

func TestWhileTheTimeIsNotTrustedOnlyDeviceCodesCount(t *testing.T) {
	m := newMac(t)
	before := m.issue()
	m.want(before, recovery.Activated)
	m.clock.Reboot()
	m.clock.SetWall(-24 * time.Hour)
	m.restart()
	m.want(before, recovery.Expired)
	m.want(m.issue(), recovery.Wrong)
	m.want(m.answer(), recovery.Activated)
	m.clock.Run(59 * time.Minute)
	if left, _, _ := m.Window(ada, time.Hour); left != time.Minute {
		t.Errorf("window opened without trusted time: %s left", left)
	}
	m.clock.Reboot()
	m.clock.SetWall(-24 * time.Hour)
	m.restart()
	if left, _, _ := m.Window(ada, time.Hour); left != 0 {
		t.Errorf("it outlived a reboot: %s left", left)
	}
}

func TestAClockThatWasAheadNeitherVoidsNorLengthens(t *testing.T) {
	m := newMac(t)
	m.clock.Reboot()
	m.clock.SetWall(365 * 24 * time.Hour) // believed, since nothing speaks against it
	m.restart()
	code := m.answer()
	m.want(code, recovery.Activated)
	m.clock.Reboot()
	m.clock.SetWall(-365 * 24 * time.Hour)
	m.restart()
	m.checkIn()
	m.ok(m.Anchored())
	if left, _, _ := m.Window(ada, time.Hour); left != 0 {
		t.Errorf("a window of next year is open for another %s", left)
	}
	m.clock.Run(time.Second)
	m.want(m.issue(), recovery.Activated)
}

func TestTheDeviceCode(t *testing.T) {
	m := newMac(t)
	first := m.answer()
	m.clock.Run(14 * time.Minute)
	if m.answer() != first {
		t.Error("opening the screen again shows another code")
	}
	m.clock.Run(time.Minute)
	if second := m.answer(); second == first {
		t.Error("the code outlived its 15 minutes")
	}
	for i := range 3 {
		m.want(wrong(i), recovery.Wrong)
	}
	code, _, wait, err := m.DeviceCode(ada)
	m.ok(err)
	if !code.IsZero() || wait != time.Minute {
		t.Fatalf("after three misses: code %v, the next in %s", !code.IsZero(), wait)
	}
	m.clock.Run(time.Minute)
	m.answer()
	m.want(wrong(3), recovery.Wrong)
	m.want(wrong(4), recovery.Wrong)
	m.clock.Run(time.Minute)
	m.want(wrong(5), recovery.Wrong)
	if _, _, wait, _ := m.DeviceCode(ada); wait != 2*time.Minute {
		t.Errorf("the second pause is %s, want two minutes", wait)
	}
}

func TestAShorterPolicyShortensTheWindow(t *testing.T) {
	m := newMac(t)
	m.want(m.issue(), recovery.Activated)
	m.clock.Run(10 * time.Minute)
	if left, _, _ := m.Window(ada, 15*time.Minute); left != 5*time.Minute {
		t.Errorf("left %s, want 5m", left)
	}
	if left, _, _ := m.Window(ada, 5*time.Hour); left != 50*time.Minute {
		t.Errorf("a longer policy lengthened it: %s left", left)
	}
}

func TestAWindowKeepsItsSecretThroughRotation(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	m.want(pin, recovery.Activated)
	if uploads := m.checkIn(); len(uploads) != 1 || uploads[0].GUID != ada || uploads[0].Proof == nil {
		t.Fatalf("an activation did not rotate that one secret: %d uploads", len(uploads))
	}
	m.want(pin, recovery.Reused)
	m.clock.Run(time.Second)
	m.want(m.issue(), recovery.Activated) // made with the new secret
}

func TestThePendingSecretCountsBeforeItIsConfirmed(t *testing.T) {
	m := newMac(t)
	m.ok(m.Rotate(ada))
	uploads, err := m.Uploads(30 * 24 * time.Hour)
	m.ok(err)
	again, err := m.Uploads(30 * 24 * time.Hour)
	m.ok(err)
	if len(again) != 1 || string(again[0].Key) != string(uploads[0].Key) {
		t.Fatal("a pending secret was replaced before it was confirmed")
	}
	// The server took it and its answer was lost.
	m.secrets[ada] = recoverypin.Secret(uploads[0].Key)
	m.want(m.issue(), recovery.Activated)
}

func TestAStaleNumberIsRaisedAndTheSecretKept(t *testing.T) {
	m := newMac(t)
	m.ok(m.Rotate(ada))
	before, _ := m.Uploads(time.Hour * 720)
	m.ok(m.Results([]wire.SecretResult{{GUID: ada, Generation: 40, Result: wire.SecretStale}}))
	after, _ := m.Uploads(time.Hour * 720)
	if after[0].Generation != 41 || string(after[0].Key) != string(before[0].Key) {
		t.Errorf("generation %d", after[0].Generation)
	}
}

// TestASecretOnItsWayIsRotatedToo: whoever has a copy of the store has the
// pending secret as well, and so has the PIN that was made with it been heard.
func TestASecretOnItsWayIsRotatedToo(t *testing.T) {
	for name, due := range map[string]func(m *mac, server recoverypin.Secret){
		"the server asks": func(m *mac, _ recoverypin.Secret) { m.ok(m.Rotate(ada)) },
		"its PIN was used": func(m *mac, server recoverypin.Secret) {
			m.want(recoverypin.Timed(server, m.clock.Wall()).Digits(), recovery.Activated)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMac(t)
			m.ok(m.Rotate(ada))
			sent, err := m.Uploads(30 * 24 * time.Hour) // and the answer is lost
			m.ok(err)
			m.clock.Run(time.Minute)
			due(m, recoverypin.Secret(sent[0].Key))
			if again := m.checkIn(); len(again) != 1 || again[0].Generation != sent[0].Generation {
				t.Fatalf("the pending secret was not sent again: %d", len(again))
			}
			if next := m.checkIn(); len(next) != 1 || next[0].GUID != ada || next[0].Generation != sent[0].Generation+1 {
				t.Errorf("after the answer %d secrets are made, want one anew", len(next))
			}
			if more := m.checkIn(); len(more) != 0 {
				t.Errorf("then %d more", len(more))
			}
		})
	}
}

func TestSecretsAreRotatedEverySevenDays(t *testing.T) {
	m := newMac(t)
	m.clock.Run(7*24*time.Hour - time.Minute)
	if n := len(m.checkIn()); n != 0 {
		t.Fatalf("%d rotated early", n)
	}
	m.clock.Run(time.Minute)
	if n := len(m.checkIn()); n != 2 {
		t.Errorf("%d rotated, want both", n)
	}
}

func TestAVoidEndsOnlyWhatWasOpenedBeforeIt(t *testing.T) {
	m := newMac(t)
	m.want(m.issue(), recovery.Activated)
	voided := m.clock.Wall().Add(time.Minute)
	m.clock.Run(2 * time.Minute)
	pin := m.issue()
	m.want(pin, recovery.Activated) // opened after the void was ordered
	m.ok(m.EndWindowUpTo(ada, "voided", voided))
	m.want(pin, recovery.Reused)
	m.ok(m.EndWindowUpTo(ada, "voided", m.clock.Wall()))
	m.want(pin, recovery.Expired)
}

func TestTurningRecoveryOffEndsItAll(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	m.want(pin, recovery.Activated)
	m.ok(m.Off())
	m.want(pin, recovery.Unavailable)
	if !slices.Contains(m.eventTypes(), events.PINExpire) {
		t.Error("no event tells of the window's end")
	}
}

func TestAWriteThatFailsLetsNobodyIn(t *testing.T) {
	m := newMac(t)
	pin := m.issue()
	m.records.Fail = syscall.EIO
	if v, err := m.Try(ada, pin, time.Hour); !errors.Is(err, syscall.EIO) || v.Accepted() {
		t.Fatalf("verdict %+v, error %v", v, err)
	}
	m.records.Fail = nil
	m.want(pin, recovery.Activated)
}

func TestEventsTellWhatHappenedAndNoMore(t *testing.T) {
	m := newMac(t)
	m.ok(m.journal.Delivered(ids(m)))
	m.want(wrong(1), recovery.Wrong)
	pin := m.issue()
	m.want(pin, recovery.Activated)
	m.want(pin, recovery.Reused)
	m.clock.Run(time.Hour)
	m.ok(m.Sweep(time.Hour))
	m.ok(m.Sweep(time.Hour))
	want := []string{events.PINReject, events.PINActivate, events.PINReuse, events.PINExpire}
	if got := m.eventTypes(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func ids(m *mac) []string {
	list, err := m.journal.Pending(1000)
	m.ok(err)
	var out []string
	for _, e := range list {
		out = append(out, e.ID)
	}
	return out
}
