package devicepin

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

const pinDigits = 9

func contactScreen(desk Desk, code recoverypin.DeviceCode, wait time.Duration) wire.Screen {
	s := wire.Screen{
		Kind:  wire.KindContact,
		Title: "Contact your administrator",
		Text:  "Call the help desk and read out what stands below. Type the nine digits that you are told within two minutes.",
		Facts: desk.facts(),
	}
	if desk.Unavailable != "" {
		s.Text = "Call the help desk. " + desk.Unavailable
	}
	if !code.IsZero() {
		s.Facts = append(s.Facts, wire.Fact{Label: "Device code", Value: code.Grouped(), Spoken: spell(code.Digits())})
	} else if wait > 0 {
		s.Facts = append(s.Facts, wire.Fact{Label: "Device code", Value: "a new one in " + duration(wait), Spoken: "a new one in " + duration(wait)})
	}
	s.Fields, s.Actions = pinField(), pinActions()
	return s
}

func windowScreen() wire.Screen {
	return wire.Screen{
		Kind:    wire.KindPIN,
		Title:   "Enter your recovery PIN",
		Text:    "The PIN that the help desk told you still works.",
		Fields:  pinField(),
		Actions: pinActions(),
	}
}

func pinField() []wire.Field {
	return []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "Recovery PIN", Digits: pinDigits}}
}

func pinActions() []wire.Action {
	return []wire.Action{{ID: wire.ActionSubmit, Label: "Sign in", Role: wire.RoleDefault}}
}

func (d Desk) facts() []wire.Fact {
	var facts []wire.Fact
	add := func(label, value, spoken string) {
		if value != "" {
			facts = append(facts, wire.Fact{Label: label, Value: value, Spoken: spoken})
		}
	}
	add("Phone", d.AdminPhone, spell(d.AdminPhone))
	add("E-mail", d.AdminEmail, d.AdminEmail)
	add("Computer name", d.Computer, d.Computer)
	add("Model", d.Model, d.Model)
	add("Serial number", d.Serial, spell(d.Serial))
	return facts
}

// spell sets characters apart, so that a screen reader says one at a time.
func spell(s string) string { return strings.Join(strings.Split(s, ""), " ") }

func accepted(v recovery.Verdict) string {
	return "Recovery PIN accepted. It works again on this Mac for " + duration(v.Window) + "."
}

func refused(v recovery.Verdict) string {
	switch v.Result {
	case recovery.NotAPIN:
		return "A recovery PIN has nine digits. Nothing was counted; type it again."
	case recovery.Mistyped:
		return "A digit is wrong, or two are swapped. Nothing was counted; ask to have the PIN read again."
	case recovery.Throttled:
		return "Too many wrong PINs. Wait " + duration(v.Wait) + " before the next try." + deviceCodeOnly(v)
	case recovery.Expired:
		return "This PIN has expired. Ask for a new one."
	case recovery.Wrong:
		text := "This PIN is not good here and now. It may be older than two minutes: ask for a new one."
		if v.Wait > 0 {
			text = "This PIN is not good here and now. Wait " + duration(v.Wait) + " before the next try."
		}
		return text + deviceCodeOnly(v)
	}
	return "No recovery PIN can be used on this Mac yet: it has not been registered with your organization."
}

func deviceCodeOnly(v recovery.Verdict) string {
	if !v.OnlyDeviceCode {
		return ""
	}
	return " Read the device code to the help desk: only a PIN made for it is taken now."
}

// duration is how people say d: rounded up to seconds below two minutes, to
// minutes below two hours, else to hours and minutes.
func duration(d time.Duration) string {
	switch {
	case d <= 2*time.Minute:
		return plural(int((d+time.Second-1)/time.Second), "second")
	case d <= 2*time.Hour:
		return plural(int((d+time.Minute-1)/time.Minute), "minute")
	}
	d = (d + time.Minute - 1).Truncate(time.Minute)
	text := plural(int(d/time.Hour), "hour")
	if m := int(d % time.Hour / time.Minute); m > 0 {
		text += " " + plural(m, "minute")
	}
	return text
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
