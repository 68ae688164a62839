package devicepin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/factor/devicepin"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// desk answers as package recovery would: one verdict for each try.
type desk struct {
	devicepin.Desk
	verdicts []recovery.Verdict
	code     string
	wait     time.Duration
	fail     error

	tried    []string
	duration time.Duration
}

func (d *desk) Try(_, typed string, inForce time.Duration) (recovery.Verdict, error) {
	d.tried, d.duration = append(d.tried, typed), inForce
	if len(d.verdicts) == 0 {
		return recovery.Verdict{}, d.fail
	}
	v := d.verdicts[0]
	d.verdicts = d.verdicts[1:]
	return v, nil
}

func (d *desk) DeviceCode(string) (recoverypin.DeviceCode, time.Duration, time.Duration, error) {
	if d.code == "" {
		return recoverypin.DeviceCode{}, 0, d.wait, d.fail
	}
	code, err := recoverypin.ParseDeviceCode(d.code)
	return code, time.Minute, 0, err
}

func (d *desk) screens() devicepin.Screens {
	return devicepin.Screens{Checker: d, Desk: func(string) devicepin.Desk { return d.Desk }}
}

var errLeft = errors.New("the person went away")

// run types a PIN on each screen but the last, and keeps the screens.
func run(t *testing.T, f factor.Factor, tries int) ([]wire.Screen, factor.Outcome, error) {
	t.Helper()
	var seen []wire.Screen
	outcome, err := f.Run(t.Context(), factor.Account{GUID: "g"}, func(_ context.Context, s wire.Screen) (wire.Act, error) {
		seen = append(seen, s)
		if len(seen) > tries {
			return wire.Act{}, errLeft
		}
		return wire.Act{Action: wire.ActionSubmit, Values: map[string]string{"pin": "539 902 792"}}, nil
	})
	return seen, outcome, err
}

// TestEveryRefusalSaysWhatItWas is recovery-pin-v1, "Verification", as the
// person reads it.
func TestEveryRefusalSaysWhatItWas(t *testing.T) {
	tests := map[string]struct {
		verdict recovery.Verdict
		want    []string
		not     string
	}{
		"not a PIN":               {recovery.Verdict{Result: recovery.NotAPIN}, []string{"nine digits", "Nothing was counted"}, "device code"},
		"mistyped":                {recovery.Verdict{Result: recovery.Mistyped}, []string{"swapped", "Nothing was counted"}, "device code"},
		"expired":                 {recovery.Verdict{Result: recovery.Expired}, []string{"expired", "new one"}, "counted"},
		"wrong":                   {recovery.Verdict{Result: recovery.Wrong}, []string{"not good here", "older than two minutes"}, "Wait"},
		"wrong, with a wait":      {recovery.Verdict{Result: recovery.Wrong, Wait: time.Minute}, []string{"Wait 60 seconds"}, "device code"},
		"wrong, ten in a row":     {recovery.Verdict{Result: recovery.Wrong, Wait: 32 * time.Minute, OnlyDeviceCode: true}, []string{"Wait 32 minutes", "Read the device code"}, "counted"},
		"throttled":               {recovery.Verdict{Result: recovery.Throttled, Wait: 61 * time.Second}, []string{"Wait 61 seconds"}, "device code"},
		"throttled, rounded up":   {recovery.Verdict{Result: recovery.Throttled, Wait: 59*time.Minute + time.Second}, []string{"Wait 60 minutes"}, "59"},
		"throttled, ten in a row": {recovery.Verdict{Result: recovery.Throttled, Wait: time.Second, OnlyDeviceCode: true}, []string{"Wait 1 second ", "Read the device code"}, "seconds"},
		"nothing registered":      {recovery.Verdict{Result: recovery.Unavailable}, []string{"not been registered"}, "counted"},
	}
	texts := map[string]string{}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := &desk{verdicts: []recovery.Verdict{tt.verdict}, code: "63934920"}
			seen, _, err := run(t, d.screens().Contact(), 1)
			if !errors.Is(err, errLeft) || len(seen) != 2 || seen[0].Note != nil {
				t.Fatalf("%d screens, %v", len(seen), err)
			}
			note := seen[1].Note
			if note == nil || note.Level != wire.LevelError {
				t.Fatalf("note %+v", note)
			}
			for _, want := range tt.want {
				if !strings.Contains(note.Text, want) {
					t.Errorf("%q does not say %q", note.Text, want)
				}
			}
			if strings.Contains(note.Text, tt.not) {
				t.Errorf("%q says %q", note.Text, tt.not)
			}
			if other, twice := texts[note.Text]; twice {
				t.Errorf("%s and %s read the same", name, other)
			}
			texts[note.Text] = name
		})
	}
}

func TestAnAcceptedPINVerifiesAndSaysForHowLong(t *testing.T) {
	for result, window := range map[recovery.Result]time.Duration{recovery.Activated: time.Hour, recovery.Reused: 26*time.Hour + 5*time.Minute} {
		d := &desk{verdicts: []recovery.Verdict{{Result: result, Window: window}}, Desk: devicepin.Desk{Duration: time.Hour}}
		_, outcome, err := run(t, d.screens().Window(), 1)
		want := map[recovery.Result]string{recovery.Activated: "60 minutes", recovery.Reused: "26 hours 5 minutes"}[result]
		if err != nil || outcome.Result != factor.Verified || !strings.Contains(outcome.Note, want) {
			t.Errorf("%v: %+v, %v, want %q", result, outcome, err, want)
		}
		if d.tried[0] != "539 902 792" || d.duration != time.Hour {
			t.Errorf("tried %q under %s: not what was typed and what is in force", d.tried, d.duration)
		}
	}
}

func TestOurErrorLetsNobodyIn(t *testing.T) {
	broken := errors.New("disk full")
	for _, f := range []factor.Factor{(&desk{fail: broken}).screens().Contact(), (&desk{fail: broken}).screens().Window()} {
		if _, outcome, err := run(t, f, 1); !errors.Is(err, broken) || outcome.Result == factor.Verified {
			t.Errorf("%+v, %v", outcome, err)
		}
	}
}

// facts is what the screen says to read aloud.
func facts(t *testing.T, d *desk) map[string]wire.Fact {
	t.Helper()
	seen, _, _ := run(t, d.screens().Contact(), 0)
	if len(seen) != 1 || seen[0].Kind != wire.KindContact {
		t.Fatalf("screens %+v", seen)
	}
	out := map[string]wire.Fact{}
	for _, f := range seen[0].Facts {
		out[f.Label] = f
	}
	return out
}

func TestWhatIsReadAloudIsSpelt(t *testing.T) {
	d := &desk{code: "63934920", Desk: devicepin.Desk{Computer: "Ada's Mac", Model: "Mac15,3", Serial: "C02X", AdminEmail: "it@example.com", AdminPhone: "+49 30"}}
	got := facts(t, d)
	for label, want := range map[string]wire.Fact{
		"Device code":   {Value: "6393 4920", Spoken: "6 3 9 3 4 9 2 0"},
		"Serial number": {Value: "C02X", Spoken: "C 0 2 X"},
		"Computer name": {Value: "Ada's Mac", Spoken: "Ada's Mac"},
		"Model":         {Value: "Mac15,3", Spoken: "Mac15,3"},
		"E-mail":        {Value: "it@example.com", Spoken: "it@example.com"},
	} {
		want.Label = label
		if got[label] != want {
			t.Errorf("%s is %+v, want %+v", label, got[label], want)
		}
	}
	if phone := got["Phone"]; phone.Value != "+49 30" || strings.Join(strings.Fields(phone.Spoken), "") != "+4930" {
		t.Errorf("phone %+v", phone)
	}
	if len(facts(t, &desk{})) != 0 {
		t.Error("what is not known has a line of its own")
	}
}

func TestADeviceCodeThatWaitsSaysHowLong(t *testing.T) {
	got := facts(t, &desk{wait: 4*time.Minute + time.Second})["Device code"]
	if got.Value != "a new one in 5 minutes" || got.Spoken != got.Value {
		t.Errorf("device code %+v", got)
	}
}

// TestContactSaysWhyNoPINCanBeMade: whom to call stays on the screen, and so
// does the field, since the reason may be out of date.
func TestContactSaysWhyNoPINCanBeMade(t *testing.T) {
	d := &desk{Desk: devicepin.Desk{AdminPhone: "1", Unavailable: "Your organization has turned recovery PINs off."}}
	seen, _, _ := run(t, d.screens().Contact(), 0)
	s := seen[0]
	if !strings.Contains(s.Text, d.Unavailable) || strings.Contains(s.Text, "nine digits") {
		t.Errorf("text %q", s.Text)
	}
	if len(s.Facts) != 1 || len(s.Fields) != 1 || s.Fields[0].Digits != 9 || s.Fields[0].Kind != wire.FieldPIN {
		t.Errorf("facts %+v, fields %+v", s.Facts, s.Fields)
	}
}

func TestThePolicyIsAskedForEachScreen(t *testing.T) {
	d := &desk{verdicts: []recovery.Verdict{{Result: recovery.NotAPIN}}, Desk: devicepin.Desk{AdminPhone: "old"}}
	calls := 0
	s := devicepin.Screens{Checker: d, Desk: func(string) devicepin.Desk {
		calls++
		return devicepin.Desk{AdminPhone: []string{"old", "new"}[min(calls/2, 1)]}
	}}
	seen, _, _ := run(t, s.Contact(), 1)
	if !slices.ContainsFunc(seen[1].Facts, func(f wire.Fact) bool { return f.Value == "new" }) {
		t.Errorf("second screen %+v", seen[1].Facts)
	}
}
