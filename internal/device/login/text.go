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
	textSetUpMore   = "Set up another: %s"
	textLink        = "Connect your organization account"
	textAnother     = "Another way"
	textContact     = "Contact admin"
	textBack        = "Back to the password"
	textClose       = "Close"
	textNothing     = "There is nothing that you can set up on this Mac now."
	textMust        = "Your organization asks you to set this up now."
	textObserve     = "Skip for now"
	textFailed      = "Something went wrong on this Mac, and nothing was counted against you. Try again, or another way."
	textNotSaved    = "This Mac could not keep what you did, so it does not count. Try again, or contact your administrator."
	textGraceOver   = "The time without a second factor is over."
	textSetUpOver   = "There is nothing that you can set up on this Mac now."
	textWayClosed   = "This way has just been closed. Choose another."
	textUntrusted   = "This Mac is not sure of the time, which this way needs."
	textOfflineOver = "Your organization asks for an online sign-in at least every %s, and the last one is longer ago. Connect to a network, and choose a way that your organization checks."
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

// connectScreen is for who has no factor, and may connect the account to the
// org's now, or could if it were reached.
func connectScreen(link []wire.Choice, trusted bool) wire.Screen {
	if !link[0].Enabled {
		s := lockedScreen(trusted)
		s.Choices = link
		return s
	}
	s := chooseScreen(link)
	s.Title = "A second factor is needed"
	s.Text = "Connect this Mac's account to your organization account, or let your administrator help you."
	return s
}

// offerScreen is shown to who has shown a factor, and may set up another.
func offerScreen(purpose Purpose, proof Proof, hasOffline bool, offers []wire.Choice) wire.Screen {
	s := wire.Screen{Kind: wire.KindNotice, Title: "You are signed in", Choices: offers}
	switch {
	case purpose == Enrolment && len(offers) == 0:
		s.Title, s.Text = "That was you", textNothing
	case len(offers) == 0:
		s.Text = textNothing
		s.Actions = []wire.Action{{ID: wire.ActionSkip, Label: "Continue", Role: wire.RoleDefault}}
		return s
	case purpose == Enrolment:
		s.Title, s.Text = "That was you", "Choose what to set up on this Mac."
	case proof.PIN:
		s.Text = "Is your second factor lost? Set up a new one now, while the PIN still works."
	case hasOffline:
		s.Text = "Your recovery PIN still works. Set up a new factor before it runs out, if one is lost."
	default:
		s.Text = "Set up a factor that works without a network too. Without one you cannot sign in while this Mac is offline."
	}
	if len(offers) > 0 {
		s.Actions = append(s.Actions, wire.Action{ID: wire.ActionSubmit, Label: "Set up now", Role: wire.RoleDefault})
	}
	if purpose == Login {
		s.Actions = append(s.Actions, wire.Action{ID: wire.ActionSkip, Label: "Later", Role: wire.RoleOther})
	}
	return s
}

// mustScreen is offerScreen without a way to put it off.
func mustScreen(offers []wire.Choice) wire.Screen {
	return wire.Screen{Kind: wire.KindNotice, Title: "One more step", Choices: offers,
		Text:    "Your organization asks for a factor that works without a network too. Set it up to finish signing in.",
		Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Set up now", Role: wire.RoleDefault}}}
}

func tidyScreen(label string, older int) wire.Screen {
	text := "There is an older one for you on this Mac. If its phone or key is lost or replaced, remove it."
	if older > 1 {
		text = fmt.Sprintf("There are %d older ones for you on this Mac. If their phones or keys are lost or replaced, remove them.", older)
	}
	return wire.Screen{Kind: wire.KindNotice, Title: label + ": set up", Text: text,
		Actions: []wire.Action{
			{ID: wire.ActionSubmit, Label: "Remove the old", Role: wire.RoleDefault},
			{ID: wire.ActionSkip, Label: "Keep", Role: wire.RoleOther},
		}}
}

func news(items []string) string {
	return fmt.Sprintf("Since your last sign-in: %s", strings.Join(items, " "))
}
