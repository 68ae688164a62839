package schema

import "github.com/latchkey-mfa/latchkey/internal/policy"

// The edition of the manifest, which a profile editor compares with the one that
// it has. A test says when to raise them.
const (
	manifestVersion  = 2
	manifestModified = "2026-11-26T00:00:00Z"
)

// Manifest is the table for ProfileCreator, iMazing Profile Editor and others
// that read manifests of the ProfileManifests project (pfm_format_version 1).
func Manifest() []byte {
	keys := payloadKeys()
	for _, d := range policy.Definitions() {
		keys = append(keys, manifestKey(d))
	}
	return document(dict(
		pair{"pfm_app_url", text("https://github.com/latchkey-mfa/latchkey")},
		pair{"pfm_description", text(about)},
		pair{"pfm_documentation_url", text(documentation)},
		pair{"pfm_domain", text(policy.Domain)},
		pair{"pfm_format_version", integer(1)},
		pair{"pfm_interaction", text("combined")},
		pair{"pfm_last_modified", date(manifestModified)},
		pair{"pfm_platforms", texts("macOS")},
		pair{"pfm_subkeys", array(keys...)},
		pair{"pfm_targets", texts("system")},
		pair{"pfm_title", text(title)},
		pair{"pfm_unique", boolean(true)},
		pair{"pfm_version", integer(manifestVersion)},
	))
}

// payloadKeys are what every payload of a profile has, whatever its domain.
func payloadKeys() []element {
	return []element{
		payloadKey("PayloadDescription", "What the payload is for, as the Mac shows it.", text(title+" settings"), false),
		payloadKey("PayloadDisplayName", "What the payload is called, as the Mac shows it.", text(title), true),
		payloadKey("PayloadIdentifier", "Stays the same for as long as the payload is the same; no other payload of the profile has it.", text(policy.Domain), true),
		payloadKey("PayloadType", "The domain that the payload is for.", text(policy.Domain), true),
		payloadKey("PayloadUUID", "No other payload anywhere has it.", text(""), true).
			with("pfm_format", text(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)),
		payloadKey("PayloadVersion", "The version of the payload.", integer(1), true),
		payloadKey("PayloadOrganization", "Who the profile comes from.", text(""), false),
	}
}

func payloadKey(name, doc string, value element, required bool) element {
	kind := "string"
	if value.tag == "integer" {
		kind = "integer"
	}
	key := dict(pair{"pfm_name", text(name)}, pair{"pfm_title", text(label(name))}, pair{"pfm_description", text(doc)}, pair{"pfm_type", text(kind)})
	if value.content != "" {
		key = key.with("pfm_default", value)
	}
	if required {
		key = key.with("pfm_require", text("always"))
	}
	return key
}

// manifestKey is one row of the table.
func manifestKey(d policy.Definition) element {
	key := dict(pair{"pfm_name", text(d.Key)}, pair{"pfm_title", text(label(d.Key))}, pair{"pfm_description", text(explained(d))},
		pair{"pfm_app_min", text(d.Since)}, pair{"pfm_type", text(manifestType(d.Kind))})
	if d.Required {
		key = key.with("pfm_require", text("always"))
	}
	if d.Secret {
		key = key.with("pfm_sensitive", boolean(true))
	}
	if value, there := presetElement(d); there {
		key = key.with("pfm_default", value)
	}
	switch d.Kind {
	case policy.Number:
		return key.with("pfm_range_min", real(d.Min)).with("pfm_range_max", real(d.Max)).with("pfm_value_unit", text(string(d.Unit)))
	case policy.Choice:
		return key.with("pfm_range_list", texts(choices(d)...)).with("pfm_range_list_titles", texts(choiceLabels(d)...))
	case policy.Names, policy.Choices:
		return key.with("pfm_subkeys", array(manifestItem(d)))
	case policy.URL:
		return key.with("pfm_format", text(urlForm)).with("pfm_value_placeholder", text("https://org.example.com"))
	}
	return key
}

// manifestItem is one entry of a list.
func manifestItem(d policy.Definition) element {
	if d.Kind == policy.Names {
		return dict(pair{"pfm_name", text(d.Key + "Item")}, pair{"pfm_title", text("Short name, or *")}, pair{"pfm_description", text("A local account's short name, or * for all.")}, pair{"pfm_type", text("string")})
	}
	return dict(pair{"pfm_name", text(d.Key + "Item")}, pair{"pfm_title", text("Factor")}, pair{"pfm_description", text("One factor, or * alone for all.")}, pair{"pfm_type", text("string")},
		pair{"pfm_range_list", texts(choices(d)...)}, pair{"pfm_range_list_titles", texts(choiceLabels(d)...)})
}

func manifestType(k policy.Kind) string {
	switch k {
	case policy.Number:
		return "real"
	case policy.Boolean:
		return "boolean"
	case policy.Names, policy.Choices:
		return "array"
	}
	return "string"
}

func presetElement(d policy.Definition) (element, bool) {
	switch v := preset(d).(type) {
	case string:
		return text(v), true
	case []string:
		return texts(v...), true
	case float64:
		return real(v), true
	case bool:
		return boolean(v), true
	}
	return element{}, false
}
