package policy

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Bounds of what a profile may hold.
const (
	maxText  = 1024 // bytes
	maxName  = 255  // bytes; macOS allows an account name 255
	maxNames = 10_000
)

func readText(d Definition, v plist.Value) (string, string, bool) {
	switch {
	case v.Kind != plist.String:
		return "", "it is " + article(v.Kind), false
	case len(v.Text) > maxText:
		return "", fmt.Sprintf("it is longer than %d bytes", maxText), false
	case d.Required && strings.TrimSpace(v.Text) == "":
		return "", "it is empty", false
	case strings.ContainsFunc(v.Text, invisible):
		// It goes onto the login window, where a control character can hide or
		// turn round what stands beside it.
		return "", "it has a control or formatting character in it", false
	}
	return v.Text, "", true
}

func invisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }

func readSecret(d Definition, v plist.Value) (Secret, string, bool) {
	text, objection, ok := readText(d, v)
	return Secret(text), objection, ok
}

// readURL takes https alone: over http anyone on the network is the org.
func readURL(d Definition, v plist.Value) (string, string, bool) {
	text, objection, ok := readText(d, v)
	if !ok {
		return "", objection, false
	}
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", "it is no URL", false
	case u.Scheme == "":
		return "", "https:// is missing", false
	case !strings.EqualFold(u.Scheme, "https"):
		return "", "it begins with " + shortened(u.Scheme) + ":", false
	case u.Hostname() == "" || u.Opaque != "":
		return "", "it names no host", false
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", "only host, port and path belong into it", false
	}
	u.Scheme = "https"
	return strings.TrimRight(u.String(), "/"), "", true
}

func readDuration(d Definition, v plist.Value) (time.Duration, string, bool) {
	n, ok := v.Number()
	switch {
	case !ok:
		return 0, "it is " + article(v.Kind), false
	case math.IsNaN(n):
		return 0, "it is not a number", false
	case math.IsInf(n, 0):
		return 0, "it is infinite", false
	case n < d.Min:
		return 0, "it is too small", false
	case n > d.Max:
		return 0, "it is too large", false
	}
	return time.Duration(math.Round(n * float64(d.Unit.duration()))), "", true
}

func (u Unit) duration() time.Duration {
	switch u {
	case Minutes:
		return time.Minute
	case Days:
		return day
	}
	return time.Hour
}

// readBoolean takes no string: "false" as a string is true in other readers,
// and nobody can tell which was meant.
func readBoolean(_ Definition, v plist.Value) (bool, string, bool) {
	if v.Kind != plist.Boolean {
		return false, "it is " + article(v.Kind), false
	}
	return v.Bool, "", true
}

func readChoice(d Definition, v plist.Value) (string, string, bool) {
	if v.Kind != plist.String {
		return "", "it is " + article(v.Kind), false
	}
	if !slices.Contains(d.Choices, v.Text) {
		return "", meant(v.Text, d.Choices), false
	}
	return v.Text, "", true
}

// readStrings is the array of strings that two kinds of key hold.
func readStrings(v plist.Value) ([]string, string, bool) {
	if v.Kind != plist.Array {
		return nil, "it is " + article(v.Kind), false
	}
	if len(v.Items) > maxNames {
		return nil, fmt.Sprintf("it has more than %d entries", maxNames), false
	}
	out := make([]string, 0, len(v.Items))
	for i, item := range v.Items {
		if item.Kind != plist.String {
			return nil, fmt.Sprintf("entry %d is %s", i+1, article(item.Kind)), false
		}
		out = append(out, item.Text)
	}
	return out, "", true
}

func readNames(_ Definition, v plist.Value) ([]string, string, bool) {
	names, objection, ok := readStrings(v)
	if !ok {
		return nil, objection, false
	}
	for i, name := range names {
		switch {
		case name == "":
			return nil, fmt.Sprintf("entry %d is empty", i+1), false
		case len(name) > maxName:
			return nil, fmt.Sprintf("entry %d is longer than %d bytes", i+1, maxName), false
		case name != strings.TrimSpace(name) || strings.ContainsFunc(name, invisible):
			// No account has such a name, so the entry would silently match nobody.
			return nil, fmt.Sprintf("entry %d has a space around it or a control character in it", i+1), false
		}
	}
	return names, "", true
}

func readFactors(d Definition, v plist.Value) ([]string, string, bool) {
	factors, objection, ok := readStrings(v)
	if !ok {
		return nil, objection, false
	}
	if len(factors) == 0 {
		return nil, "it is empty, so nobody could log in", false
	}
	if slices.Equal(factors, []string{All}) {
		return factors, "", true
	}
	for i, f := range factors {
		switch {
		case f == All:
			return nil, "* stands alone", false
		case !slices.Contains(d.Choices, f):
			return nil, fmt.Sprintf("entry %d: %s", i+1, meant(f, d.Choices)), false
		case slices.Contains(factors[:i], f):
			return nil, fmt.Sprintf("entry %d stands there twice", i+1), false
		}
	}
	return factors, "", true
}

// meant names the choice that is nearest to what was written.
func meant(written string, choices []string) string {
	if near, ok := Nearest(written, choices); ok {
		return "did you mean " + near + "?"
	}
	return "it is none of these; they are case sensitive"
}

func article(k plist.Kind) string {
	switch k {
	case plist.Integer, plist.Array:
		return "an " + k.String()
	}
	return "a " + k.String()
}
