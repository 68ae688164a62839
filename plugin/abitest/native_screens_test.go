//go:build linux

package abitest

import "github.com/latchkey-mfa/latchkey/internal/wire"

// shown is a screen with the name of its picture.
type shown struct {
	name   string
	screen wire.Screen
}

func anAct(id, label, role string) wire.Action { return wire.Action{ID: id, Label: label, Role: role} }

func acts(label string, more ...wire.Action) []wire.Action {
	return append([]wire.Action{anAct(wire.ActionSubmit, label, wire.RoleDefault)}, append(more, others()...)...)
}

func others() []wire.Action {
	return []wire.Action{anAct(wire.ActionContact, "Contact admin", wire.RoleOther), anAct(wire.ActionBack, "Back to the password", wire.RoleCancel)}
}

func another() wire.Action { return anAct(wire.ActionAnother, "Another way", wire.RoleOther) }

// allScreens are the daemon's, one of each kind and a few more.
func allScreens() []shown {
	code := []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Access code", Digits: 6}}
	pin := []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "Recovery PIN", Digits: 9}}
	wrong := &wire.Note{Level: wire.LevelError, Text: "That is not the code of now. Look at your phone again, and type the code that it shows."}
	return []shown{
		{"choose", wire.Screen{Kind: wire.KindChoose, Title: "Show that it is you", Text: "Choose how to go on.",
			Choices: []wire.Choice{{ID: "push", Label: "Push to your phone", Enabled: true}, {ID: "totp", Label: "Device access code", Enabled: true},
				{ID: "key", Label: "Security key", Reason: "Your organization cannot be reached, so that this way has to wait."}}, Actions: acts("Continue")}},
		{"code", wire.Screen{Kind: wire.KindCode, Title: "Enter your device access code", Text: "Open your authenticator app and type the code for “Mac of Anna”.",
			Fields: code, Actions: acts("Sign in", another())}},
		{"code-wrong", wire.Screen{Kind: wire.KindCode, Title: "Enter your device access code", Text: "Open your authenticator app and type the code for “Mac of Anna”.",
			Fields: code, Actions: acts("Sign in", another()), Note: wrong}},
		{"pin", wire.Screen{Kind: wire.KindPIN, Title: "Enter your recovery PIN", Text: "The PIN that the help desk told you still works.",
			Fields: pin, Actions: acts("Sign in", another())}},
		{"push", wire.Screen{Kind: wire.KindPush, Title: "Look at your phone", Text: "Choose this number in the app.", Number: "47", Busy: true,
			Actions: append([]wire.Action{another()}, others()...)}},
		{"key", wire.Screen{Kind: wire.KindKey, Title: "Use your security key", Text: "Touch your security key where it blinks.", Busy: true,
			Actions: append([]wire.Action{another()}, others()...)}},
		{"key-pin", wire.Screen{Kind: wire.KindKey, Title: "Enter the PIN of your security key",
			Text:   "It is the PIN that was given to the key itself, not your password and not a recovery PIN. 5 tries are left before the key locks for good.",
			Note:   &wire.Note{Level: wire.LevelError, Text: "That is not the PIN of this key."},
			Fields: []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN of the key"}}, Actions: acts("Continue", another())}},
		{"link", wire.Screen{Kind: wire.KindLink, Title: "Connect your organization account", Text: "Type the name that you sign in with at your organization.",
			Fields: []wire.Field{{Name: "login", Kind: wire.FieldText, Label: "Organization user name", Value: "anna@example.com"}}, Actions: acts("Continue", another())}},
		{"enrol", wire.Screen{Kind: wire.KindEnrol, Title: "Set up your device access code",
			Text:   "Scan the code with your authenticator app, or type the key into it. Then type the six digits that the app shows.",
			QR:     "otpauth://totp/Latchkey:Mac%20of%20Anna%20%28anna%29?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey",
			Facts:  []wire.Fact{{Label: "Key", Value: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Spoken: "J B S W"}},
			Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "First code", Digits: 6}}, Actions: acts("Finish", another())}},
		{"contact", wire.Screen{Kind: wire.KindContact, Title: "Contact your administrator",
			Text: "Call the help desk and read out what stands below. Type the nine digits that you are told within two minutes.",
			Facts: []wire.Fact{{Label: "Phone", Value: "+1 555 0100", Spoken: "+ 1   5 5 5   0 1 0 0"}, {Label: "E-mail", Value: "help@example.com", Spoken: "help@example.com"},
				{Label: "Computer name", Value: "Mac of Anna", Spoken: "Mac of Anna"}, {Label: "Model", Value: "MacBook Air (15-inch, M3, 2024)", Spoken: "MacBook Air"},
				{Label: "Serial number", Value: "C02XL0GTJGH5", Spoken: "C 0 2 X L 0 G T J G H 5"}, {Label: "Device code", Value: "6393 4920", Spoken: "6 3 9 3 4 9 2 0"}},
			Fields: pin, Actions: []wire.Action{anAct(wire.ActionSubmit, "Sign in", wire.RoleDefault), another(), anAct(wire.ActionBack, "Back to the password", wire.RoleCancel)}}},
		{"grace", wire.Screen{Kind: wire.KindGrace, Title: "Protect your sign-in", Text: "You need a second factor on this Mac. You can go on without one for another 3 days.",
			Note:    &wire.Note{Level: wire.LevelInfo, Text: "Since your last sign-in: A second factor was removed by an administrator on 20 November 2026."},
			Choices: []wire.Choice{{ID: "totp", Label: "Set up: Device access code", Enabled: true}, {ID: "key", Label: "Set up: Security key", Enabled: true}},
			Actions: acts("Set up now", anAct(wire.ActionSkip, "Not now", wire.RoleOther))}},
		{"locked", wire.Screen{Kind: wire.KindLocked, Title: "A second factor is needed",
			Text:    "No factor is set up for you on this Mac, and the time to go on without one is over. Your administrator can let you in.",
			Actions: []wire.Action{anAct(wire.ActionContact, "Contact admin", wire.RoleDefault), anAct(wire.ActionBack, "Back to the password", wire.RoleCancel)}}},
		{"notice", wire.Screen{Kind: wire.KindNotice, Title: "You are signed in",
			Text:    "Is your second factor lost? Set up a new one now, while the PIN still works.",
			Choices: []wire.Choice{{ID: "totp", Label: "Set up: Device access code", Enabled: true}},
			Actions: []wire.Action{anAct(wire.ActionSubmit, "Set up now", wire.RoleDefault), anAct(wire.ActionSkip, "Later", wire.RoleOther), anAct(wire.ActionBack, "Back to the password", wire.RoleCancel)}}},
	}
}
