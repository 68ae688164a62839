package offlinekey

// Label is what people call the factor.
const Label = "Security key for this Mac"

// What a person reads.
const (
	titleTouch      = "Use your security key"
	titleAgain      = "That did not work"
	titleEnrol      = "Set up your security key"
	titleEnrolAgain = "The security key was not set up"

	textEnrolled     = "Your security key is set up."
	textFull         = "You have as many security keys as this Mac takes. Your administrator can remove old ones."
	textRemoved      = "Your security key was removed."
	textUnreadable   = "This Mac cannot read your security keys."
	textAnotherOrg   = "Your security key was set up for another organization."
	textCloned       = "There seems to be a copy of this key, so it is closed. Sign in another way, and tell your administrator."
	textNotVerified  = "This key was set up with a PIN or a fingerprint, and asks for none now. Use another key, or another way."
	textNotPresent   = "The key has answered without a touch. Use another key, or another way."
	textBadSignature = "What this key has signed is not right. Use another key, or another way."
)
