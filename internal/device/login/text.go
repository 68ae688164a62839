package login

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// What a person reads.
const (
	textPINLabel    = "Recovery PIN"
	textSetUp       = "Set up: %s"
	textAnother     = "Another way"
	textContact     = "Contact admin"
	textBack        = "Back to the password"
	textObserve     = "Skip for now"
	textFailed      = "Something went wrong on this Mac, and nothing was counted against you. Try again, or another way."
	textNotSaved    = "This Mac could not keep what you did, so it does not count. Try again, or contact your administrator."
	textGraceOver   = "The time without a second factor is over."
	textSetUpOver   = "The time to set up a factor here has run out."
	textWayClosed   = "This way has just been closed. Choose another."
	textUntrusted   = "This Mac is not sure of the time, which this way needs."
	textOfflineOver = "Your organization asks for an online sign-in at least every %s, and the last one is longer ago. Sign in another way."
)

func chooseScreen(list []wire.Choice) wire.Screen {
	s := wire.Screen{
		Kind:    wire.KindChoose,
		Title:   "Show that it is you",
		Text:    "Choose how to go on.",
		Choices: list,
	}
	for _, c := range list {
		if c.Enabled {
			s.Actions = []wire.Action{{ID: wire.ActionSubmit, Label: "Continue", Role: wire.RoleDefault}}
			return s
		}
	}
	s.Text = "None of your ways to sign in can be used now. Your administrator can help."
	s.Actions = []wire.Action{{ID: wire.ActionContact, Label: textContact, Role: wire.RoleDefault}}
	return s
}

func graceScreen(left time.Duration, offers []wire.Choice) wire.Screen {
	s := wire.Screen{
		Kind:    wire.KindGrace,
		Title:   "Protect your sign-in",
		Text:    "You need a second factor on this Mac. You can go on without one for another " + span(left) + ".",
		Choices: offers,
		Actions: []wire.Action{{ID: wire.ActionSkip, Label: "Not now", Role: wire.RoleDefault}},
	}
	if len(offers) > 0 {
		s.Actions = []wire.Action{
			{ID: wire.ActionSubmit, Label: "Set up now", Role: wire.RoleDefault},
			{ID: wire.ActionSkip, Label: "Not now", Role: wire.RoleOther},
		}
	}
	return s
}

func lockedScreen(trusted bool) wire.Screen {
	s := wire.Screen{
		Kind:    wire.KindLocked,
		Title:   "A second factor is needed",
		Text:    "No factor is set up for you on this Mac, and the time to go on without one is over. Your administrator can let you in.",
		Actions: []wire.Action{{ID: wire.ActionContact, Label: textContact, Role: wire.RoleDefault}},
	}
	if !trusted {
		s.Text = "No factor is set up for you on this Mac, and it is not sure of the time. Your administrator can let you in."
	}
	return s
}

func offerScreen(accepted string, offers []wire.Choice) wire.Screen {
	s := wire.Screen{
		Kind:    wire.KindNotice,
		Title:   "You are signed in",
		Text:    "Is your second factor lost? Set up a new one now, while the PIN still works. It takes the place of the old one.",
		Choices: offers,
		Actions: []wire.Action{
			{ID: wire.ActionSubmit, Label: "Set up now", Role: wire.RoleDefault},
			{ID: wire.ActionSkip, Label: "Later", Role: wire.RoleOther},
		},
	}
	if accepted != "" {
		s.Note = &wire.Note{Level: wire.LevelInfo, Text: accepted}
	}
	return s
}

func news(items []string) string {
	return fmt.Sprintf("Since your last sign-in: %s", strings.Join(items, " "))
}
