package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// compiled is the editors' schema, read by a library that is not ours. That it
// is a schema at all, the library checks against the one of schemas.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("latchkey.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("latchkey.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valueOf is a JSON value as a property list has it.
func valueOf(v any) element {
	switch v := v.(type) {
	case string:
		return text(v)
	case bool:
		return boolean(v)
	case float64:
		return real(v)
	case []any:
		items := make([]element, len(v))
		for i := range v {
			items[i] = valueOf(v[i])
		}
		return array(items...)
	case map[string]any:
		d := element{tag: "dict"}
		for key, value := range v {
			d = d.with(key, valueOf(value))
		}
		return d
	}
	return dict()
}

// policyTakes reports whether a Mac would take the document as its profile.
func policyTakes(t *testing.T, raw string) bool {
	t.Helper()
	root := valueOf(tree(t, []byte(raw))).with("DMFAClientSecret", text("s"))
	d, err := plist.Parse(document(root))
	if err != nil {
		return false
	}
	p, _ := policy.FromDocument(d)
	return p != nil
}

// TestSchemaJudgesAsTheMacDoes: a red line under a value is one that the Mac
// would refuse, and none is one that it takes.
func TestSchemaJudgesAsTheMacDoes(t *testing.T) {
	const required = `"DMFAClientID":"id","DMFAOrgURL":"https://org.example"`
	good := []string{
		``, `"AdminEmail":"","AdminPhone":"+49 30 1234"`, `"LatchkeyRecoveryURL":"HTTPS://mfa.example:8443/base/"`, `"LatchkeyRecoveryURL":"https://mfa.example/a@b"`, `"LatchkeyRecoveryURL":"https://[2001:db8::1]:8443"`,
		`"LoginPeriodWithoutEnrolledFactor":0`, `"LoginPeriodWithoutEnrolledFactor":0.5,"LoginPeriodWithOfflineFactor":1000000`,
		`"DeviceRecoveryPINDuration":1,"DeviceRecoveryValidityInDays":365`, `"DeviceRecoveryPINDuration":7200`,
		`"MFARequiredList":["*"],"MFANotRequiredList":[]`, `"MFARequiredList":["kim","van der Berg"]`,
		`"AllowedFactors":["*"]`, `"AllowedFactors":["Offline_TOTP","OV_Push"]`, `"AccountLinkingMFAFactor":"OV_TOTP","OfflineLoginAllowed":false`,
		`"LatchkeyEnforcement":"observe","LatchkeyUnavailablePolicy":"allow","LatchkeyManageLoginRight":false,"LatchkeyLinkedUser":"$EMAIL"`,
	}
	bad := []string{
		`"AdminEmail":5`, `"AdminPhone":"1\n2"`, `"AdminEmail":"a\u202eb"`, `"LatchkeyRecoveryURL":""`, `"LatchkeyRecoveryURL":"http://org.example"`,
		`"LatchkeyRecoveryURL":"org.example"`, `"LatchkeyRecoveryURL":"https://"`, `"LatchkeyRecoveryURL":"https://:8443"`, `"LatchkeyRecoveryURL":"https://mfa:port"`, `"LatchkeyRecoveryURL":"https://a:b@org.example"`, `"LatchkeyRecoveryURL":"https://org.example?a=b"`,
		`"LoginPeriodWithoutEnrolledFactor":-1`, `"LoginPeriodWithOfflineFactor":1000001`, `"LoginPeriodWithOfflineFactor":"24"`,
		`"DeviceRecoveryPINDuration":0`, `"DeviceRecoveryPINDuration":7201`, `"DeviceRecoveryValidityInDays":366`, `"DeviceRecoveryValidityInDays":true`,
		`"MFARequiredList":"*"`, `"MFARequiredList":[""]`, `"MFARequiredList":[" kim"]`, `"MFARequiredList":["kim "]`, `"MFANotRequiredList":[1]`,
		`"AllowedFactors":[]`, `"AllowedFactors":["*","OV_Push"]`, `"AllowedFactors":["ov_push"]`, `"AllowedFactors":["OV_Push","OV_Push"]`, `"AllowedFactors":"*"`,
		`"AccountLinkingMFAFactor":"Offline_TOTP"`, `"OfflineLoginAllowed":"true"`, `"OfflineLoginAllowed":1`,
		`"LatchkeyEnforcement":"Observe"`, `"LatchkeyUnavailablePolicy":"maybe"`, `"LatchkeyManageLoginRight":"no"`,
	}
	s := compiled(t)
	judge := func(raw string, want bool) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != want {
			t.Errorf("%s: the schema says %v", raw, err)
		}
		if got := policyTakes(t, raw); got != want {
			t.Errorf("%s: the Mac takes it: %v", raw, got)
		}
	}
	for _, more := range good {
		judge(strings.Replace("{"+required+","+more+"}", ",}", "}", 1), true)
	}
	for _, more := range bad {
		judge("{"+required+","+more+"}", false)
	}
	for _, raw := range []string{`{}`, `{"DMFAClientID":"id"}`, `{"DMFAClientID":" ","DMFAOrgURL":"https://org.example"}`, `{"DMFAClientID":"\u200b","DMFAOrgURL":"https://org.example"}`} {
		judge(raw, false)
	}
}

// TestSchemaIsClosed: what a Mac would pass over in silence, and a secret, which
// has no place in a file that is kept with others, are marked in the editor.
func TestSchemaIsClosed(t *testing.T) {
	s := compiled(t)
	for _, more := range []string{`"DMFAClientSecret":"hunter2"`, `"LoginPeriodWithoutEnroledFactor":48`, `"UseDirectAuth":true`} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"DMFAClientID":"id","DMFAOrgURL":"https://org.example",` + more + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(v) == nil {
			t.Errorf("%s is taken", more)
		}
	}
}

// TestEditorSaysWhatTheTableSays, row by row.
func TestEditorSaysWhatTheTableSays(t *testing.T) {
	raw, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	root := tree(t, raw)
	var required []string
	count := 0
	for _, d := range policy.Definitions() {
		row := at(root, "properties", d.Key)
		if d.Secret {
			if row != nil || bytes.Contains(raw, []byte(d.Key)) {
				t.Errorf("the secret %s has a place", d.Key)
			}
			continue
		}
		count++
		if d.Required {
			required = append(required, d.Key)
		}
		sameRow(t, d, row)
		if d.Kind == policy.Choice && !same(t, at(row, "enum"), d.Choices) || d.Kind == policy.Choices && !same(t, at(row, "anyOf", 1, "items", "enum"), d.Choices) {
			t.Errorf("%s offers %v", d.Key, row)
		}
	}
	if got := at(root, "properties").(map[string]any); len(got) != count+len(answers()) || !same(t, root["required"], required) {
		t.Errorf("%d keys, the table has %d; required %v", len(got), count, root["required"])
	}
}

// sameRow compares what both JSON formats say in the same way.
func sameRow(t *testing.T, d policy.Definition, row any) {
	t.Helper()
	kinds := map[policy.Kind]string{policy.Text: "string", policy.URL: "string", policy.Number: "number", policy.Boolean: "boolean", policy.Choice: "string", policy.Names: "array", policy.Choices: "array"}
	want := map[string]any{"type": kinds[d.Kind], "default": preset(d), "minimum": nil, "maximum": nil}
	if d.Kind == policy.Number {
		want["minimum"], want["maximum"] = d.Min, d.Max
	}
	for key, v := range want {
		if !same(t, at(row, key), v) {
			t.Errorf("%s: %s is %v, want %v", d.Key, key, at(row, key), v)
		}
	}
}

// TestJamfSaysWhatTheTableSays, row by row, in the order of the table.
func TestJamfSaysWhatTheTableSays(t *testing.T) {
	raw, err := JamfSchema()
	if err != nil {
		t.Fatal(err)
	}
	root := tree(t, raw)
	if !strings.Contains(root["title"].(string), policy.Domain) {
		t.Errorf("%v does not name the domain that it is for", root["title"])
	}
	order := 0.0
	for _, d := range policy.Definitions() {
		row := at(root, "properties", d.Key)
		if n, _ := at(row, "property_order").(float64); n <= order {
			t.Errorf("%s stands at %v, after %v", d.Key, n, order)
		} else {
			order = n
		}
		doc, _ := at(row, "description").(string)
		if !strings.HasPrefix(doc, d.Doc) || d.Kind == policy.Number && !strings.Contains(doc, string(d.Unit)) {
			t.Errorf("%s is described as %q", d.Key, doc)
		}
		field := row
		if !d.Required {
			if at(row, "anyOf", 0, "type") != "null" {
				t.Errorf("%s cannot be left out", d.Key)
			}
			field = at(row, "anyOf", 1)
		}
		sameRow(t, d, field)
		if (at(field, "format") == "password") != d.Secret {
			t.Errorf("%s: %v", d.Key, field)
		}
		list := field
		if d.Kind == policy.Choices {
			list = at(field, "items")
		}
		if len(d.Choices) > 0 && (!same(t, at(list, "enum"), choices(d)) || !same(t, at(list, "options", "enum_titles"), choiceLabels(d))) {
			t.Errorf("%s offers %v", d.Key, list)
		}
	}
	if got := at(root, "properties").(map[string]any); len(got) != len(policy.Definitions()) {
		t.Errorf("%d keys, the table has %d", len(got), len(policy.Definitions()))
	}
	if !json.Valid(raw) || !bytes.HasSuffix(raw, []byte("}\n")) {
		t.Error("the file is cut off")
	}
}
