package terminal

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// noon is when all tests take place.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func actions(first wire.Action, more ...wire.Action) []wire.Action {
	first.Role = wire.RoleDefault
	return append([]wire.Action{first}, more...)
}

var (
	contactAction = wire.Action{ID: wire.ActionContact, Label: "Contact admin", Role: wire.RoleOther}
	anotherAction = wire.Action{ID: wire.ActionAnother, Label: "Another way", Role: wire.RoleOther}
	backAction    = wire.Action{ID: wire.ActionBack, Label: "Back to the password", Role: wire.RoleCancel}
	submitAction  = wire.Action{ID: wire.ActionSubmit, Label: "Sign in"}
)

const enrolURI = "otpauth://totp/Latchkey:Mac%20of%20Anna%20%28anna%29?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey"

// screens are one of each kind, and one of a kind that nobody knows yet.
func screens() map[string]wire.Screen {
	pin := []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "Recovery PIN", Digits: 9}}
	code := []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Access code", Digits: 6}}
	return map[string]wire.Screen{
		"choose": {Seq: 1, Kind: wire.KindChoose, Title: "Show that it is you", Text: "Choose how to go on.",
			Choices: []wire.Choice{{ID: "pin", Label: "Recovery PIN", Enabled: true},
				{ID: "push", Label: "Push to your phone", Reason: "Your organization cannot be reached."},
				{ID: "totp", Label: "Device access code", Enabled: true}},
			Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Continue"}, contactAction, backAction)},
		"code": {Seq: 2, Kind: wire.KindCode, Title: "Enter your device access code",
			Text:   "Open your authenticator app and type the code for “Mac of Anna”.",
			Fields: code, Actions: actions(submitAction, anotherAction, contactAction, backAction),
			Note:     &wire.Note{Level: wire.LevelError, Text: "That code was used already. Wait for the next one."},
			Deadline: noon().Add(4*time.Minute + 30*time.Second)},
		"pin": {Seq: 3, Kind: wire.KindPIN, Title: "Enter your recovery PIN", Text: "The PIN that the help desk told you still works.",
			Fields: pin, Actions: actions(submitAction, backAction)},
		"push": {Seq: 4, Kind: wire.KindPush, Title: "Look at your phone", Text: "Choose this number in the app.", Number: "47", Busy: true,
			Actions: []wire.Action{anotherAction, contactAction, backAction}, Deadline: noon().Add(59500 * time.Millisecond)},
		"key": {Seq: 5, Kind: wire.KindKey, Title: "Touch your security key", Text: "Insert the key and touch it.", Busy: true,
			Actions: []wire.Action{anotherAction, backAction}},
		"key-pin": {Seq: 13, Kind: wire.KindKey, Title: "Enter the PIN of your security key", Text: "It is the PIN that you gave the key itself. 5 tries are left before the key locks.",
			Note:   &wire.Note{Level: wire.LevelError, Text: "That is not the PIN of this key."},
			Fields: []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN of the key"}}, Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Continue"}, anotherAction, backAction)},
		"link": {Seq: 6, Kind: wire.KindLink, Title: "Who are you at work?", Text: "Type the name that you sign in with at your organization.",
			Fields:  []wire.Field{{Name: "login", Kind: wire.FieldText, Label: "Organization login", Value: "anna@"}},
			Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Continue"}, contactAction, backAction)},
		"enrol": {Seq: 7, Kind: wire.KindEnrol, Title: "Set up your device access code",
			Text:   "Scan the code with your authenticator app, or type the key into it. Then type the six digits that the app shows.",
			QR:     enrolURI,
			Facts:  []wire.Fact{{Label: "Key", Value: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Spoken: "J B S W"}},
			Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "First code", Digits: 6}}, Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Finish"}, contactAction, backAction)},
		"contact": {Seq: 8, Kind: wire.KindContact, Title: "Contact your administrator",
			Text: "Call the help desk and read out what stands below. Type the nine digits that you are told within two minutes.",
			Facts: []wire.Fact{{Label: "Phone", Value: "+1 555 0100", Spoken: "+ 1   5 5 5   0 1 0 0"},
				{Label: "E-mail", Value: "help@example.com", Spoken: "help@example.com"}, {Label: "Computer name", Value: "Mac of Anna", Spoken: "Mac of Anna"},
				{Label: "Model", Value: "MacBook Air (15-inch, M3, 2024)", Spoken: "MacBook Air"},
				{Label: "Serial number", Value: "C02XL0GTJGH5", Spoken: "C 0 2 X L 0 G T J G H 5"}, {Label: "Device code", Value: "6393 4920", Spoken: "6 3 9 3 4 9 2 0"}},
			Fields: pin, Actions: actions(submitAction, anotherAction, backAction), Deadline: noon().Add(15 * time.Minute)},
		"grace": {Seq: 9, Kind: wire.KindGrace, Title: "Protect your sign-in",
			Text:    "You need a second factor on this Mac. You can go on without one for another 47 hours.",
			Choices: []wire.Choice{{ID: "totp", Label: "Set up: Device access code", Enabled: true}},
			Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Set up now"}, wire.Action{ID: wire.ActionSkip, Label: "Not now", Role: wire.RoleOther}, contactAction, backAction)},
		"locked": {Seq: 10, Kind: wire.KindLocked, Title: "A second factor is needed",
			Text:    "No factor is set up for you on this Mac, and the time to go on without one is over. Your administrator can let you in.",
			Actions: actions(wire.Action{ID: wire.ActionContact, Label: "Contact admin"}, backAction)},
		"notice": {Seq: 11, Kind: wire.KindNotice, Title: "You are signed in", Note: &wire.Note{Level: wire.LevelInfo, Text: "Recovery PIN accepted. It works again on this Mac for 60 minutes."},
			Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Continue"})},
		"unknown": {Seq: 12, Kind: "retina", Title: "Look here", Text: "A kind of screen from the future.", Number: "A7",
			Actions: actions(wire.Action{ID: wire.ActionSubmit, Label: "Continue"}, backAction)},
	}
}
