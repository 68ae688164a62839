package profile

import (
	"regexp"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// template are what published templates have in the places that are to be
// filled in.
var template = regexp.MustCompile(`(?i)(?:^|[/@.])your[-_][a-z][a-z0-9_-]*|\badd[-_ ]your[a-z0-9_ -]*|\breplace[-_ ]?(me|with|this)[a-z0-9_ -]*|\bchange[-_]?me\b|<[a-z _-]{3,40}>|\[[a-z][^\]]*\]|\bx{4,}\b|\bTODO\b|\b111-222-3333\b|^\.\.\.$`)

// placeholder is the part of a value that a template left in, or nothing.
func placeholder(s string) string {
	return strings.TrimLeft(template.FindString(s[:min(len(s), 256)]), "/@.")
}

// placeholders finds what was never filled in.
func (c *check) placeholders(dict plist.Value, said func(string)) {
	for _, e := range dict.Entries {
		values := append([]plist.Value{e.Value}, e.Value.Items...)
		for _, v := range values {
			left := placeholder(v.Text)
			if v.Kind != plist.String || left == "" {
				continue
			}
			f := Finding{Rule: "placeholder", Key: shortened(e.Key), Problem: "the template's placeholder " + quoted(left) + " was never filled in", Fix: "write your own value"}
			if d := c.keys[e.Key]; d.Secret {
				f.Problem = "the template's placeholder was never filled in"
			} else if e.Key == "AdminPhone" || e.Key == "AdminEmail" {
				f.Fix = "write your own, or remove the key"
			}
			said(e.Key)
			c.found.add(e.At, f)
			break
		}
	}
}

// variable: a value that the MDM fills in for each Mac.
func variable(s string) bool {
	return strings.ContainsAny(s, "${}%")
}
