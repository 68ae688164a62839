package diagnostics

import (
	"bytes"
	"regexp"
)

// taken stands where something was taken out.
const taken = "[taken-out]"

// shortest is how long a secret value has to be to be looked for by itself: a
// shorter one would be found everywhere.
const shortest = 6

// places are where secrets stand. Nothing of Latchkey's writes any of them into
// what is collected; whatever did is taken out here.
type place struct {
	pattern *regexp.Regexp
	with    []byte
}

func secretPlaces() []place {
	return []place{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`), []byte(taken)},
		{regexp.MustCompile(`(?i)otpauth(-migration)?://[^\s"'<>]*`), []byte(taken)},
		{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`), []byte(taken)}, // a JSON Web Token
		{regexp.MustCompile(`(?i)\b(bearer|basic|ssws)\s+[A-Za-z0-9._~+/=-]{6,}`), []byte("${1} " + taken)},
		// "name": "value", name=value and <key>name</key><string>value</string>,
		// where the name ends with a word that a secret has.
		{regexp.MustCompile(`(?i)("[a-z0-9_.-]*(secret|password|passwd|passphrase|token|seed|challenge|authorization|private_?key|pin|passcode)"\s*:\s*)"(?:[^"\\]|\\.)*"`), []byte(`${1}"` + taken + `"`)},
		{regexp.MustCompile(`(?i)(\b[a-z0-9_.-]*(secret|password|passwd|passphrase|token|seed|challenge|private_?key|pin|passcode)=)[^\s"'&;,]+`), []byte("${1}" + taken)},
		{regexp.MustCompile(`(?is)(<key>[^<]*(secret|password|passphrase|token|seed|challenge)</key>\s*<(?:string|data)>)[^<]*`), []byte("${1}" + taken)},
	}
}

// Redact takes out of a text what looks like a secret by the name beside it or
// by its form, and each of the values that are secret by themselves. It says at
// how many places.
func Redact(text []byte, secrets []string) (clean []byte, places int) {
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		places += bytes.Count(text, []byte(s))
		text = bytes.ReplaceAll(text, []byte(s), []byte(taken))
	}
	for _, p := range secretPlaces() {
		found := p.pattern.FindAll(text, -1)
		for _, f := range found {
			if !bytes.Contains(f, []byte(taken)) {
				places++
			}
		}
		if len(found) > 0 {
			text = p.pattern.ReplaceAll(text, p.with)
		}
	}
	return text, places
}
