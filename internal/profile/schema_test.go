package profile_test

import (
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/latchkey-mfa/latchkey/internal/policy/schema"
	"github.com/latchkey-mfa/latchkey/internal/profile"
)

// TestTheEditorsSchemaIsWhatIsRead: a file that the schema finds good is read,
// and what it underlines is refused.
func TestTheEditorsSchemaIsWhatIsRead(t *testing.T) {
	raw, err := schema.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	const rest = `"DMFAClientID":"cli1","DMFAOrgURL":"https://acme.example"`
	for text, good := range map[string]bool{
		`{` + rest + `}`: true,
		`{"mdm":"intune","organization":"Acme","name":"Pilot","secret-file":"secret",` + rest + `,"MFANotRequiredList":["admin"],"DeviceRecoveryPINDuration":30}`: true,
		`{"mdm":"airwatch",` + rest + `}`:               false,
		`{` + rest + `,"DMFAClientSecret":"x"}`:         false,
		`{` + rest + `,"DeviceRecoveryPINDuraton":30}`:  false,
		`{` + rest + `,"OfflineLoginAllowed":"maybe"}`:  false,
		`{` + rest + `,"secret-file":""}`:               false,
		`{` + rest + `,"AccountLinkingMFAFactor":true}`: false,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		found := s.Validate(value)
		answers, read := profile.ReadAnswers([]byte(text)) // JSON is YAML
		if read == nil {
			answers.Settings.SetSecret("s")
			_, read = profile.New(profile.Request{For: profile.Kandji, Settings: answers.Settings})
		}
		if (found == nil) != good || (read == nil) != good {
			t.Errorf("%s: the schema says %v, and reading it %v", text, found, read)
		}
	}
}
