package securitykey

import (
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// What a person reads.
const (
	textInsert         = "Plug your security key into this Mac."
	textSeveral        = "Several security keys are plugged in. Touch the one that you want to use."
	textTouch          = "Touch your security key where it blinks."
	textFingerTouch    = "Put your finger on the sensor of your security key."
	textGone           = "The key was pulled out before it was done. Plug it in again."
	textWrongPIN       = "That is not the PIN of this key."
	textUnfitPIN       = "A key's PIN has 4 to 63 characters. Nothing was tried."
	textPINBlocked     = "This key is locked after too many wrong PINs, and has to be reset before anybody can use it. Use another key, or another way."
	textPINStopped     = "The key takes no more PINs until it was pulled out. Pull it out."
	textNotTheirs      = "This key is not set up for you here. Use another key, or another way."
	textExcluded       = "This key is set up for you already."
	textDenied         = "The key has refused. Try again, or use another key."
	textTimeout        = "The key was not touched in time."
	textFinger         = "The key did not recognize your finger."
	textFingerBlocked  = "The key takes no more fingers for now, and has no PIN. Use another key, or another way."
	textNoVerification = "Your organization asks for a key with a PIN or a fingerprint, and this one has none set up. Use another key, or set a PIN up on another computer."
	textChangePIN      = "The PIN of this key has to be changed before it can be used. Do that on another computer, or use another key."
	textOld            = "This key is too old: it knows nothing of FIDO2. Use another key."
	textNonsense       = "This key answers with something that no security key should say. Use another key."
	textSilent         = "The key has stopped answering. Pull it out, plug it in again, and try again."
	textBusy           = "The key is busy with another program on this Mac. Try again in a moment."
	textFailed         = "The key could not do it. Try again, or use another key."
	titlePIN           = "Enter the PIN of your security key"
)

func insertScreen(title, told string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: title, Text: textInsert, Note: note(told), Busy: true}
}

func severalScreen(title, told string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: title, Text: textSeveral, Note: note(told), Busy: true}
}

func touchScreen(title string, finger bool) wire.Screen {
	s := wire.Screen{Kind: wire.KindKey, Title: title, Text: textTouch, Busy: true}
	if finger {
		s.Text = textFingerTouch
	}
	return s
}

func pinScreen(left int, told string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: titlePIN, Note: note(told),
		Text:    "It is the PIN that was given to the key itself, not your password and not a recovery PIN. " + tries(left),
		Fields:  []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN of the key"}},
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Continue", Role: wire.RoleDefault}}}
}

func tries(left int) string {
	if left == 1 {
		return "This is the last try: another wrong PIN locks the key for good."
	}
	return fmt.Sprintf("%d tries are left before the key locks for good.", left)
}

func againScreen(title, told string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: title, Text: "Try again, or go on in another way.", Note: note(told),
		Actions: []wire.Action{{ID: wire.ActionRetry, Label: "Try again", Role: wire.RoleDefault}}}
}

func pullScreen(title, told string) wire.Screen {
	return wire.Screen{Kind: wire.KindKey, Title: title, Text: "Then plug it in again.", Note: note(told), Busy: true}
}

func note(text string) *wire.Note {
	if text == "" {
		return nil
	}
	return &wire.Note{Level: wire.LevelError, Text: text}
}
