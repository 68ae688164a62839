package signin

import (
	"errors"
	"strings"
	"testing"
)

// FuzzToken: a token is taken apart into what it was made of, or is none.
func FuzzToken(f *testing.F) {
	_, _, token := newToken()
	for _, seed := range []string{token.Text(), "lka_", "lka__", "lks_a_b", "lka_a_b_c", strings.Repeat("x", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, ok := split(text)
		if ok && (prefix+id+"_"+secret != text || strings.Contains(id, "_") || len(text) > 128) {
			t.Errorf("%q is %q and %q", text, id, secret)
		}
	})
}

// FuzzRecoveryCode: what is read has the form of a code, and is read again as
// itself.
func FuzzRecoveryCode(f *testing.F) {
	for _, seed := range []string{"ABCD-EFGH-IJKL", "abcd efgh ijkl", "0189-2345-6777", "ABCD", "ÀBCDEFGHIJKL", strings.Repeat("A", 100), "ſBCDEFGHIJKL"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := parseRecoveryCode(typed)
		if err != nil {
			if !errors.Is(err, ErrNotACode) || code != "" {
				t.Errorf("%q: %q, %v", typed, code, err)
			}
			return
		}
		if again, err := parseRecoveryCode(code); err != nil || again != code || len(code) != recoveryLength {
			t.Errorf("%q is %q, and that is %q, %v", typed, code, again, err)
		}
	})
}

// FuzzPasskey: whatever a browser sends, it is read or refused, and nothing
// beyond the bound is looked at.
func FuzzPasskey(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(strings.Repeat(" ", maxResponse+1) + `{}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		made, err := parseCreation(response)
		if (made == nil) == (err == nil) || len(response) > maxResponse && err == nil {
			t.Errorf("a creation: %v, %v", made, err)
		}
		shown, err := parseAssertion(response)
		if (shown == nil) == (err == nil) || len(response) > maxResponse && err == nil {
			t.Errorf("an assertion: %v, %v", shown, err)
		}
	})
}
