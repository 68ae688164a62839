package profile

import (
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Settings are values by key.
type Settings map[string]plist.Value

// Set takes a value as a person types it: a number, true or false, text, or
// names with commas between them. The client secret is not taken: what is typed
// for this is seen by others.
func (s Settings) Set(key, typed string) error {
	d, there := table()[key]
	switch {
	case !there:
		return fmt.Errorf("%s is no setting%s", quoted(key), hintFor(key))
	case d.Secret:
		return fmt.Errorf("%s is not taken here, where others can see it: put it into a file", key)
	}
	v, err := typedValue(d, typed)
	if err != nil {
		return fmt.Errorf("%s is not %s: %w", key, quoted(typed), err)
	}
	s[key] = v
	return nil
}

// SetSecret takes the client secret, without the line break of its file.
func (s Settings) SetSecret(secret policy.Secret) {
	s["DMFAClientSecret"] = textValue(strings.TrimSpace(secret.Reveal()))
}

// hintFor names the key that was probably meant.
func hintFor(key string) string {
	keys := make([]string, 0)
	for _, d := range policy.Definitions() {
		keys = append(keys, d.Key)
	}
	if near, ok := policy.Nearest(key, keys); ok {
		return "; did you mean " + near + "?"
	}
	return "; docs/settings.md has them all"
}

// typedValue is a value of the kind that a key has. What the kind does not
// settle, such as a range, New looks at.
func typedValue(d policy.Definition, typed string) (plist.Value, error) {
	typed = strings.TrimSpace(typed)
	switch d.Kind {
	case policy.Number:
		n, ok := real(typed)
		if !ok {
			return plist.Value{}, fmt.Errorf("allowed: %s", d.Allowed())
		}
		return plist.Value{Kind: plist.Real, Float: n}, nil
	case policy.Boolean:
		if typed != "true" && typed != "false" {
			return plist.Value{}, fmt.Errorf("allowed: true or false")
		}
		return truth(typed == "true"), nil
	case policy.Names, policy.Choices:
		out := plist.Value{Kind: plist.Array}
		for name := range strings.SplitSeq(typed, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out.Items = append(out.Items, textValue(name))
			}
		}
		return out, nil
	}
	return textValue(typed), nil
}
