package schema

import "github.com/latchkey-mfa/latchkey/internal/policy"

// JamfSchema is the table for a custom schema in Jamf Pro's Application & Custom
// Settings. An optional key is *Not Configured* until somebody sets it, so that
// the profile holds what was meant and no more.
func JamfSchema() ([]byte, error) {
	root := node{Title: title + " (" + policy.Domain + ")", Description: about}
	for i, d := range policy.Definitions() {
		n := node{Title: label(d.Key), Description: explained(d), Order: 10 * (i + 1)}
		if d.Required {
			root.Required = append(root.Required, d.Key)
			field := jamfField(d)
			field.Title, field.Description, field.Order = n.Title, n.Description, n.Order
			n = field
		} else {
			field := jamfField(d)
			field.Title = "Configured"
			n.AnyOf = []node{{Type: "null", Title: "Not Configured"}, field}
		}
		root.Properties = append(root.Properties, property{d.Key, n})
	}
	return file(root)
}

// jamfField is what is filled in for one row of the table.
func jamfField(d policy.Definition) node {
	n := node{Type: "string", Default: preset(d), Options: &options{InfoText: unlessSet(d)}}
	switch d.Kind {
	case policy.Number:
		n.Type, n.Minimum, n.Maximum = "number", &d.Min, &d.Max
	case policy.Boolean:
		n.Type = "boolean"
	case policy.Choice:
		n.Enum, n.Options.EnumTitles = choices(d), choiceLabels(d)
	case policy.Names:
		n.Type, n.Items = "array", &node{Type: "string", Title: "Short name, or *"}
	case policy.Choices:
		n.Type, n.Items = "array", &node{Type: "string", Title: "Factor", Enum: choices(d), Options: &options{EnumTitles: choiceLabels(d)}}
	case policy.URL:
		n.Pattern = urlForm
	}
	if d.Secret {
		n.Format = "password"
	}
	if n.Options.InfoText == "" && n.Options.EnumTitles == nil {
		n.Options = nil
	}
	return n
}
