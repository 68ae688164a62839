package accesscode

import (
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Label is what people call the factor.
const Label = "Device access code"

// What a person reads.
const (
	textNotACode   = "An access code has six digits."
	textWrong      = "That code is not right. Check that your app shows this computer, and try the next code."
	textUsed       = "That code was used already. Wait for the next one."
	textFirstWrong = "That code does not fit yet. Check that the app has added this computer, and type the code that it shows now."
	textEnrolled   = "Your device access code is set up."
	textWait       = "Too many wrong codes. You can try again in %s."
	textShut       = "Too many wrong codes. The access code is closed until you have signed in another way."
	textClock      = "This Mac is not sure of the time, which access codes need."
	textFull       = "You have as many access codes as this Mac takes. Your administrator can remove old ones."
	textGone       = "Your device access code was removed."
	textUnreadable = "This Mac cannot read your access code."
)

func codeScreen(device string) wire.Screen {
	return wire.Screen{
		Kind:   wire.KindCode,
		Title:  "Enter your device access code",
		Text:   "Open your authenticator app and type the code for “" + device + "”.",
		Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Access code", Digits: totp.Digits}},
		Actions: []wire.Action{
			{ID: wire.ActionSubmit, Label: "Sign in", Role: wire.RoleDefault},
		},
	}
}

func enrolScreen(org, device string, account factor.Account, key totp.Key) wire.Screen {
	return wire.Screen{
		Kind:   wire.KindEnrol,
		Title:  "Set up your device access code",
		Text:   "Scan the code with your authenticator app, or type the key into it. Then type the six digits that the app shows.",
		QR:     key.URI(org, device+" ("+account.Name+")"),
		Facts:  []wire.Fact{{Label: "Key", Value: key.Text(), Spoken: key.Text()}},
		Fields: []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "First code", Digits: totp.Digits}},
		Actions: []wire.Action{
			{ID: wire.ActionSubmit, Label: "Finish", Role: wire.RoleDefault},
		},
	}
}
