package password

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Bounds of a password in characters, and of what is read of one in bytes.
const (
	Min      = 12
	Max      = 256
	maxBytes = 4 * Max
)

// UnfitError is a password that is not allowed. Its text says why and what
// is, and nothing of the password.
type UnfitError struct{ Why string }

// Error is a sentence for the person who chose it.
func (e *UnfitError) Error() string { return e.Why }

// Check holds the rules: length, and nothing that is guessed first of somebody
// with that login and name. There are none of letters and signs, which make
// passwords alike (NIST SP 800-63B). The error is an *UnfitError.
func Check(password, login, name string) error {
	n := utf8.RuneCountInString(password)
	switch folded := strings.ToLower(password); {
	case !utf8.ValidString(password):
		return &UnfitError{"the password is not valid text"}
	case n < Min || n > Max:
		return &UnfitError{"a password has 12 to 256 characters; several words that do not belong together are good"}
	case slices.ContainsFunc(ownWords(login, name), func(w string) bool { return strings.Contains(folded, w) }):
		return &UnfitError{"your login or name is in the password; choose one that has nothing to do with you"}
	case common(folded) || distinct(folded) < 5:
		return &UnfitError{"that password is among the first that are tried; choose one that nobody else would"}
	}
	return nil
}

// ownWords are what is guessed first of somebody: login, its part before the
// "@", and the names. Short ones are in too many words.
func ownWords(login, name string) []string {
	local, _, _ := strings.Cut(store.Fold(login), "@")
	words := append(strings.FieldsFunc(store.Fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), local, store.Fold(login))
	return slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < 4 })
}

// common: nothing but words of the list, digits and signs. Of the common
// passwords that are long enough, nearly all are made so.
func common(folded string) bool {
	for _, word := range commonWords() {
		folded = strings.ReplaceAll(folded, word, " ")
	}
	return strings.IndexFunc(folded, unicode.IsLetter) < 0
}

// commonWords have a longer one before what it holds.
func commonWords() []string {
	return []string{"correcthorsebatterystaple", "administrator", "passphrase", "passwort", "password", "passw0rd", "p@ssword", "p@ssw0rd", "latchkey",
		"qwertzuiop", "qwertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm", "iloveyou", "changeme", "trustno", "letmein", "welcome", "qwertz", "qwerty", "azerty",
		"asdfgh", "football", "baseball", "sunshine", "princess", "monkey", "dragon", "master", "summer", "winter", "spring", "autumn", "secret", "secure",
		"access", "server", "default", "system", "admin", "login", "super", "root", "user", "test", "pass", "abcdef", "abcd", "abc", "qaz", "wsx", "edc"}
}

// distinct is how many different characters a text has.
func distinct(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}
