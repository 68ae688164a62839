package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// node is a schema, or a part of one, as both JSON formats have it.
type node struct {
	Schema      string     `json:"$schema,omitempty"`
	Comment     string     `json:"$comment,omitempty"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Type        string     `json:"type,omitempty"`
	Format      string     `json:"format,omitempty"`
	Pattern     string     `json:"pattern,omitempty"`
	Minimum     *float64   `json:"minimum,omitempty"`
	Maximum     *float64   `json:"maximum,omitempty"`
	MinItems    int        `json:"minItems,omitempty"`
	UniqueItems bool       `json:"uniqueItems,omitempty"`
	Enum        []string   `json:"enum,omitempty"`
	Const       any        `json:"const,omitempty"`
	Default     any        `json:"default,omitempty"`
	Order       int        `json:"property_order,omitempty"`
	Options     *options   `json:"options,omitempty"`
	AnyOf       []node     `json:"anyOf,omitempty"`
	Items       *node      `json:"items,omitempty"`
	Required    []string   `json:"required,omitempty"`
	Properties  properties `json:"properties,omitempty"`
	Additional  *bool      `json:"additionalProperties,omitempty"`
}

// options is how Jamf Pro draws a field.
type options struct {
	EnumTitles []string `json:"enum_titles,omitempty"`
	InfoText   string   `json:"infoText,omitempty"`
}

// property is a key with its schema.
type property struct {
	key string
	node
}

// properties is an object whose members keep the order of the table.
type properties []property

// MarshalJSON writes them in order.
func (ps properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := encoded(p.node)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.key, err)
		}
		fmt.Fprintf(&b, "%q:%s", p.key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encoded is JSON that keeps <, > and & as people write them.
func encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b.Bytes(), nil
}

// file is a schema as it is checked in.
func file(root node) ([]byte, error) {
	raw, err := encoded(root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("indent: %w", err)
	}
	return b.Bytes(), nil
}

// JSONSchema is the table for text editors, by JSON Schema 2020-12: of the file
// that profiles are made from, in JSON or YAML. The secret has no place in it.
func JSONSchema() ([]byte, error) {
	closed := false
	root := node{
		Schema:      "https://json-schema.org/draft/2020-12/schema",
		Comment:     "Made from the key table in internal/policy; do not edit. " + documentation,
		Title:       title,
		Description: about + " A client secret never stands in this file: it is asked for, or read from a file of its own.",
		Type:        "object",
		Additional:  &closed,
	}
	root.Properties = answers()
	for _, d := range policy.Definitions() {
		if d.Secret {
			continue
		}
		if d.Required {
			root.Required = append(root.Required, d.Key)
		}
		root.Properties = append(root.Properties, property{d.Key, editorKey(d)})
	}
	return file(root)
}

// answers are the members of such a file that are no keys of the table:
// profile.ReadAnswers knows them.
func answers() []property {
	text := func(title, description string) node {
		return node{Title: title, Description: description, Type: "string", Pattern: `\S`}
	}
	mdm := text("MDM", "The console that the profile is for.")
	mdm.Pattern, mdm.Enum = "", []string{"jamf", "workspace-one", "kandji", "intune", "mobileconfig"}
	return []property{
		{"mdm", mdm},
		{"organization", text("Organization", "Name of your organization, in the profile.")},
		{"name", text("Name", "Name of the profile; a pilot's has one of its own.")},
		{"secret-file", text("Secret file", "Where the client secret is, relative to this file.")},
	}
}

// editorKey is one row of the table.
func editorKey(d policy.Definition) node {
	n := node{Title: label(d.Key), Description: explained(d), Default: preset(d)}
	switch d.Kind {
	case policy.Number:
		n.Type, n.Minimum, n.Maximum = "number", &d.Min, &d.Max
	case policy.Boolean:
		n.Type = "boolean"
	case policy.Choice:
		n.Type, n.Enum = "string", choices(d)
	case policy.Names:
		n.Type, n.Items = "array", &node{Type: "string", Pattern: form(d)}
	case policy.Choices:
		n.Type = "array"
		n.AnyOf = []node{{Const: []string{policy.All}}, {MinItems: 1, UniqueItems: true, Items: &node{Type: "string", Enum: d.Choices}}}
	default:
		n.Type, n.Pattern = "string", form(d)
	}
	return n
}
