package profile

import (
	"strings"
	"testing"
)

// TestHideSecrets: whatever is wrong around a secret, a difference does not show
// it, and shows what stands beside it.
func TestHideSecrets(t *testing.T) {
	for name, text := range map[string]string{
		"as it should be":         "<key>DMFAClientSecret</key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"on one line":             "<key>DMFAClientSecret</key><string>s3cr3t</string><key>A</key><string>shown</string>",
		"key not closed":          "<key>DMFAClientSecret\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"key closed by a key":     "<key>DMFAClientSecret<key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"half an end of key":      "<key>DMFAClientSecret/key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"half a beginning of key": "key>DMFAClientSecret</key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"two halves":              "<key>DMFAClientSecret/key>string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"string not closed":       "<key>DMFAClientSecret</key>\n<string>s3cr3t/string>\n<key>A</key><string>shown</string>",
		"tag without its end":     "<key>DMFAClientSecret</key>\n<strings3cr3t</string>\n<key>A</key><string>shown</string>",
		"in the tag":              "<key>DMFAClientSecret</key>\n<string s3cr3t>\n<key>A</key><string>shown</string>",
		"key as a string":         "<string>DMFAClientSecret</key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"key misspelt":            "<key>DMFAClientSecrt</key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"of others":               "<key>Password</key>\n<string>s3cr3t</string>\n<key>A</key><string>shown</string>",
		"cdata":                   "<key>Challenge</key>\n<string><![CDATA[s3cr3t]]></string>\n<key>A</key><string>shown</string>",
		"several lines":           "<key>DMFAClientSecret</key>\n<string>\n  s3cr3t\n  s3cr3t\n</string>\n<key>A</key><string>shown</string>",
		"a secret's array":        "<key>Tokens</key><array><string>s3cr3t</string><string>s3cr3t</string></array><key>A</key><string>shown</string>",
	} {
		got := string(hideSecrets([]byte(text)))
		if strings.Contains(got, "s3cr3t") || !strings.Contains(got, "shown") || !strings.Contains(got, "<key>A</key>") {
			t.Errorf("%s: %s", name, got)
		}
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%s: the lines are others: %q", name, got)
		}
	}
	if plain := "<key>AdminEmail</key><string>a &amp; b</string>"; string(hideSecrets([]byte(plain))) != plain {
		t.Error("what is no secret is changed")
	}
}
