package profile

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// maxYAML is far above what answers need, in bytes.
const maxYAML = 1 << 18

// Answers is what a YAML file says of a profile that is to be made.
type Answers struct {
	MDM          MDM // "" when it does not say
	Organization string
	Name         string
	SecretFile   string // where the client secret is; relative to the YAML file
	Settings     Settings
}

// ReadAnswers reads a YAML file. A key that it does not know is refused, with
// its line; and so is the client secret, as such files are kept with others.
func ReadAnswers(data []byte) (Answers, error) {
	a := Answers{Settings: Settings{}}
	if len(data) > maxYAML {
		return a, fmt.Errorf("the YAML file is larger than %d KiB", maxYAML>>10)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return a, fmt.Errorf("read the YAML file: %w", err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return a, errors.New("the YAML file says nothing")
	}
	err := members(document.Content[0], func(key string, v *yaml.Node) error { return a.take(key, v) })
	return a, err
}

// members calls with each key of a mapping, which may stand there once.
func members(n *yaml.Node, take func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: keys with values are expected here", n.Line)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			return fmt.Errorf("line %d: %s stands twice", key.Line, quoted(key.Value))
		}
		seen[key.Value] = true
		err := take(key.Value, n.Content[i+1])
		if err != nil && n.Content[i+1].Kind == yaml.MappingNode && key.Value == "settings" {
			return err // which names the line in there
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", key.Line, err)
		}
	}
	return nil
}

func (a *Answers) take(key string, v *yaml.Node) (err error) {
	if _, there := table()[key]; there {
		return a.setting(key, v) // settings may stand on their own, or together below one key
	}
	if key == "settings" {
		return members(v, a.setting)
	}
	fields := map[string]*string{"organization": &a.Organization, "name": &a.Name, "secret-file": &a.SecretFile, "mdm": nil}
	field, known := fields[key]
	switch {
	case !known:
		near, ok := policy.Nearest(key, []string{"mdm", "organization", "name", "secret-file", "settings"})
		if ok {
			return fmt.Errorf("%s is not known; did you mean %s?", quoted(key), near)
		}
		return fmt.Errorf("%s is not known; allowed: mdm, organization, name, secret-file, settings", quoted(key))
	case v.Kind != yaml.ScalarNode || v.Value == "":
		return fmt.Errorf("%s is no text", key)
	case key == "mdm":
		a.MDM, err = ParseMDM(v.Value)
		return err
	}
	*field = v.Value
	return nil
}

// setting takes one key of the settings; a list may be written as one.
func (a *Answers) setting(key string, v *yaml.Node) error {
	d, there := table()[key]
	switch {
	case !there:
		return a.Settings.Set(key, "") // which says what was meant
	case v.Kind == yaml.SequenceNode && (d.Kind == policy.Names || d.Kind == policy.Choices):
		list := plist.Value{Kind: plist.Array}
		for _, item := range v.Content {
			if item.Kind != yaml.ScalarNode || strings.TrimSpace(item.Value) == "" {
				return fmt.Errorf("%s holds what is no name", key)
			}
			list.Items = append(list.Items, textValue(item.Value))
		}
		a.Settings[key] = list
		return nil
	case v.Kind != yaml.ScalarNode || v.Tag == "!!null":
		return fmt.Errorf("%s has no value that it can have", quoted(key))
	}
	return a.Settings.Set(key, v.Value)
}
