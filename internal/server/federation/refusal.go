package federation

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// Reasons of a refusal, for the event.
const (
	NoFlow       = "NO_FLOW"                 // nothing was begun in this browser, or too long ago
	FlowUsed     = "FLOW_USED"               // the same answer for the second time
	BadAnswer    = "BAD_ANSWER"              // an answer that is malformed, or another provider's
	ProviderSaid = "PROVIDER_REFUSED"        // the provider signed nobody in
	Unreachable  = "PROVIDER_UNREACHABLE"    // or what it says cannot be read
	BadToken     = "TOKEN_NOT_BELIEVED"      // an ID token that is not for this sign-in
	TooOld       = "SIGN_IN_TOO_OLD"         // at the provider
	NoSecond     = "SECOND_FACTOR_NOT_SHOWN" // as far as the provider says
	NoRole       = "NO_ROLE"                 // none of the groups is mapped
	BadClaims    = "CLAIMS_NOT_USABLE"       // no name that can be one, or groups that cannot be read
	LoginTaken   = "LOGIN_TAKEN"             // by an account that is not theirs
	NotActive    = "ACCOUNT_NOT_ACTIVE"      // suspended here
	Another      = "ANOTHER_PERSON"          // authenticated again as somebody else
	RoleGone     = "ROLE_NOT_THERE"          // the mapping names a role or a group of users that is not there
)

// Refusal is a sign-in that did not happen. Reason is for the event, Text for
// the person: what is wrong and what to do. Neither holds a secret.
type Refusal struct {
	Reason, Text string
	cause        error
}

// Error is for the log.
func (r *Refusal) Error() string {
	if r.cause == nil {
		return r.Reason + ": " + r.Text
	}
	return r.Reason + ": " + r.Text + ": " + r.cause.Error()
}

// Refuse is a Refusal for that reason.
func Refuse(reason, text string) *Refusal { return &Refusal{Reason: reason, Text: text} }

func refusedFor(reason, text string, cause error, secrets ...string) *Refusal {
	return &Refusal{reason, text, errors.New(legible(cause.Error(), secrets...))}
}

// maxText bounds what is kept of a text of the provider's, in bytes.
const maxText = 200

// legible makes a text of the provider's fit for a page and a log line: one
// line, bounded, and nothing in it that was sent there.
func legible(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" && (strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s))) {
			return "[left out, as it repeats what was sent]"
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return strings.TrimSpace(text)
}
