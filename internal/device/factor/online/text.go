package online

import "github.com/latchkey-mfa/latchkey/internal/device/events"

const eventReject = events.FactorReject

// What a person reads.
const (
	titlePush         = "Approve on your phone"
	titleAgain        = "Not approved"
	titleKey          = "Use your security key"
	titleKeyAgain     = "That did not work"
	textAsking        = "Asking your organization…"
	textUnreadable    = "This Mac cannot read which organization account is yours."
	textNotACode      = "The code has six digits."
	textWrong         = "Your organization does not take that code. Check that it is the one for your organization account, and try the next."
	textWrongKey      = "Your organization does not take this key. Use another key, or another way."
	textExpiredKey    = "It took too long, and your organization does not wait for the key any more."
	textNoKey         = "Your organization account has no security key for this, or may not use one here. Sign in another way, or contact your administrator."
	textForeign       = "Your organization asks the key for another site than its own, and no key is asked for that. Contact your administrator."
	textDenied        = "The question was refused on the phone. If that was not you, tell your administrator."
	textExpired       = "Nobody answered on the phone in time."
	textTooMany       = "Your organization takes no more tries for now. Wait a while, or sign in another way."
	textNoPush        = "Your organization account has no phone for this, or may not use it here. Sign in another way, or contact your administrator."
	textNoCode        = "Your organization account has no code for this, or may not use it here. Sign in another way, or contact your administrator."
	textMisconfigured = "Your organization and this Mac do not understand each other. Contact your administrator."
	textAnother       = "Your organization has verified somebody else. Contact your administrator."
	textNoNumber      = "Your organization asks for a number to match and has sent none. Sign in another way."
	textSlow          = "Still waiting. You can go another way below."
	textNoLogin       = "Type the name that you sign in to your organization with."
	textNotYours      = "That organization account does not belong to this Mac's account. An administrator can connect the two."
	textTaken         = "That organization account is connected to another account of this Mac already."
	textLinked        = "This Mac's account is connected to %s."
)

func notEnrolled(kind string) string {
	switch kind {
	case KindCode:
		return textNoCode
	case KindKey:
		return textNoKey
	}
	return textNoPush
}

func wrong(kind string) string {
	if kind == KindKey {
		return textWrongKey
	}
	return textWrong
}

func expired(kind string) string {
	if kind == KindKey {
		return textExpiredKey
	}
	return textExpired
}
