package directauth

import (
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How the values that hold secrets print, whatever prints them.
const (
	shownConfig    = "[directauth configuration]"
	shownTokens    = "[tokens]"
	shownOOB       = "[out-of-band code]"
	shownMFA       = "[more factors needed]"
	shownChallenge = "[WebAuthn challenge]"
	shownAssertion = "[WebAuthn assertion]"
)

func (Config) String() string   { return shownConfig }
func (Config) GoString() string { return shownConfig }

// LogValue hides the app's secret from log/slog.
func (Config) LogValue() slog.Value         { return slog.StringValue(shownConfig) }
func (Config) MarshalJSON() ([]byte, error) { return quoted(shownConfig) }

func (c *Client) String() string   { return "[directauth client of " + c.issuer + "]" }
func (c *Client) GoString() string { return c.String() }

func (Tokens) String() string   { return shownTokens }
func (Tokens) GoString() string { return shownTokens }

// LogValue hides tokens from log/slog.
func (Tokens) LogValue() slog.Value         { return slog.StringValue(shownTokens) }
func (Tokens) MarshalJSON() ([]byte, error) { return quoted(shownTokens) }

func (OOB) String() string   { return shownOOB }
func (OOB) GoString() string { return shownOOB }

// LogValue hides the codes from log/slog.
func (OOB) LogValue() slog.Value         { return slog.StringValue(shownOOB) }
func (OOB) MarshalJSON() ([]byte, error) { return quoted(shownOOB) }

func (MFARequired) String() string   { return shownMFA }
func (MFARequired) GoString() string { return shownMFA }

// LogValue hides the token from log/slog.
func (MFARequired) LogValue() slog.Value         { return slog.StringValue(shownMFA) }
func (MFARequired) MarshalJSON() ([]byte, error) { return quoted(shownMFA) }

func (WebAuthnChallenge) String() string   { return shownChallenge }
func (WebAuthnChallenge) GoString() string { return shownChallenge }

// LogValue hides the MFA token from log/slog.
func (WebAuthnChallenge) LogValue() slog.Value         { return slog.StringValue(shownChallenge) }
func (WebAuthnChallenge) MarshalJSON() ([]byte, error) { return quoted(shownChallenge) }

func (Assertion) String() string   { return shownAssertion }
func (Assertion) GoString() string { return shownAssertion }

// LogValue hides the signature from log/slog.
func (Assertion) LogValue() slog.Value         { return slog.StringValue(shownAssertion) }
func (Assertion) MarshalJSON() ([]byte, error) { return quoted(shownAssertion) }

func quoted(placeholder string) ([]byte, error) { return fmt.Appendf(nil, "%q", placeholder), nil }

// secretFields are the parameters whose values appear nowhere but in requests.
func secretFields() []string {
	return []string{"client_secret", "password", "otp", "oob_code", "mfa_token", "binding_code", "authenticatorData", "clientDataJSON", "signature", "userHandle"}
}

// secrets are what a request holds that its refusal may repeat.
func (c *Client) secrets(form url.Values) []string {
	found := []string{c.secret}
	for _, field := range secretFields() {
		if v := form.Get(field); v != "" {
			found = append(found, v)
		}
	}
	return found
}

// tells reports whether a text holds one of the secrets, as it is or escaped.
func tells(text string, secrets []string) bool {
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)} {
			if strings.Contains(text, form) {
				return true
			}
		}
	}
	return false
}

// maxDescription bounds what is kept of a text of the org's, in bytes.
const maxDescription = 512

// legible makes a text of the org's fit for an error and a log line: one line,
// bounded, and nothing of what was sent to it. A real org repeats an expired
// oob_code or mfa_token in its description.
func legible(text string, secrets []string) string {
	if tells(text, secrets) {
		return "[left out, as it repeats what was sent]"
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > maxDescription {
		text = strings.ToValidUTF8(text[:maxDescription], "")
	}
	return strings.TrimSpace(text)
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
