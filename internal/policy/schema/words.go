package schema

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// What the three formats say of the domain as a whole.
const (
	title         = "Latchkey Desktop MFA"
	about         = "A second factor at the macOS login window, and device recovery PINs. The keys of Okta's Desktop MFA, and Latchkey's own."
	documentation = "https://github.com/latchkey-mfa/latchkey/blob/main/docs/settings.md"
)

// The forms of a text, as regular expressions that JavaScript and Go read alike.
const (
	urlForm   = `^[Hh][Tt][Tt][Pp][Ss]://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[^\s?#]*)?$`
	textForm  = `^[^\p{Cc}\p{Cf}]*$`
	notEmpty  = `^[^\p{Cc}\p{Cf}]*[^\s\p{Cc}\p{Cf}][^\p{Cc}\p{Cf}]*$`
	shortName = `^[^\s\p{Cc}\p{Cf}]([^\p{Cc}\p{Cf}]*[^\s\p{Cc}\p{Cf}])?$`
)

// form is what a text of a key must look like.
func form(d policy.Definition) string {
	switch {
	case d.Kind == policy.URL:
		return urlForm
	case d.Kind == policy.Names:
		return shortName
	case d.Required:
		return notEmpty
	}
	return textForm
}

// label is a key in separate words: "DMFA Client ID".
func label(key string) string {
	letters := []rune(key)
	var b strings.Builder
	for i, r := range letters {
		after := i > 0 && unicode.IsUpper(r) && unicode.IsLower(letters[i-1])
		before := i > 0 && i+1 < len(letters) && unicode.IsUpper(r) && unicode.IsUpper(letters[i-1]) && unicode.IsLower(letters[i+1])
		if after || before {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// explained is the table's sentence, and for a number its unit and range.
func explained(d policy.Definition) string {
	if d.Kind != policy.Number {
		return d.Doc
	}
	return fmt.Sprintf("%s In %s, from %s to %s.", d.Doc, d.Unit, number(d.Min), number(d.Max))
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// choices of a key as a list to pick from: with * for all, where that is one.
func choices(d policy.Definition) []string {
	if d.Kind == policy.Choices {
		return append([]string{policy.All}, d.Choices...)
	}
	return d.Choices
}

// choiceLabels are choices in words.
func choiceLabels(d policy.Definition) []string {
	out := make([]string, 0, len(d.Choices)+1)
	for _, c := range choices(d) {
		out = append(out, choiceLabel(c))
	}
	return out
}

func choiceLabel(choice string) string {
	switch choice {
	case policy.All:
		return "All factors (alone)"
	case policy.FactorPush:
		return "Push to the phone"
	case policy.FactorTOTP:
		return "Code of the org's app"
	case policy.FactorAccessCode:
		return "Device access code, checked by the Mac"
	case policy.FactorKey:
		return "Security key, checked by the org"
	case policy.FactorOfflineKey:
		return "Security key, checked by the Mac"
	case policy.UnavailableDeny:
		return "Refuse the login"
	case policy.UnavailableAllow:
		return "Let in with the password alone"
	case policy.Enforce:
		return "Enforce"
	case policy.Observe:
		return "Observe: ask, but let everyone in"
	}
	return choice
}

// preset is a default that may be written into a profile. An empty text is
// none: a form that writes it out would make an empty URL of it, which is bad.
func preset(d policy.Definition) any {
	if d.Default == "" {
		return nil
	}
	return d.Default
}

// unlessSet is the default in words, or nothing where there is none to tell of.
func unlessSet(d policy.Definition) string {
	switch v := preset(d).(type) {
	case float64:
		return fmt.Sprintf("Unless set: %s %s.", number(v), d.Unit)
	case []string:
		if len(v) == 0 {
			return "Unless set: nobody."
		}
		return "Unless set: " + strings.Join(v, ", ") + "."
	case nil:
		return ""
	default:
		return fmt.Sprintf("Unless set: %v.", v)
	}
}
