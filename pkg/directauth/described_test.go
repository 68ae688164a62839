package directauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// description is Okta's own, with what its SDKs know and it leaves out.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../testdata/openapi/okta-direct-auth.openapi.yaml")
	if err != nil {
		return nil, err
	}
	schemas := doc.Components.Schemas
	// WebAuthn is in Okta's SDKs for Kotlin and Swift only.
	for name, values := range map[string][]any{
		"GrantType":     {"urn:okta:params:oauth:grant-type:webauthn", "urn:okta:params:oauth:grant-type:mfa-webauthn"},
		"ChallengeHint": {"urn:okta:params:oauth:grant-type:webauthn"},
		"ChallengeType": {"urn:okta:params:oauth:grant-type:mfa-webauthn"},
	} {
		schemas[name].Value.Enum = append(schemas[name].Value.Enum, values...)
	}
	// Examples of the description have numbers where the schema has text.
	schemas["OobAuthenticateResponse"].Value.Properties["binding_code"] = openapi3.NewSchemaRef("", openapi3.NewOneOfSchema(openapi3.NewStringSchema(), openapi3.NewIntegerSchema()))
	schemas["ChallengeResponse"].Value.Properties["binding_code"] = schemas["OobAuthenticateResponse"].Value.Properties["binding_code"]
	// Its own examples are not what its schemas say: they are left aside.
	return doc, doc.Validate(context.Background(), openapi3.DisableExamplesValidation())
})

// undescribed are parameters that the description does not list, by the reason.
func undescribed() map[string][]string {
	return map[string][]string{
		"client authentication stands in securitySchemes":      {"client_id", "client_secret"},
		"OpenID Connect; a server ignores what it has not":     {"nonce"},
		"in Okta's guide for SMS and voice":                    {"binding_code"},
		"WebAuthn, in the SDKs":                                {"authenticatorData", "clientDataJSON", "signature", "userHandle"},
		"the password grant's, in the guide and in the SDKs":   {"grant_types_supported"},
		"/primary-authenticate for WebAuthn, in the SDKs":      {"scope"},
		"the schema of the request lacks it, the guide has it": {"mfa_token"},
	}
}

// describedRequest holds a form against the description.
func describedRequest(path string, form url.Values) error {
	doc, err := description()
	if err != nil {
		return err
	}
	item := doc.Paths.Find("/oauth2/v1" + path)
	if item == nil || item.Post == nil {
		return fmt.Errorf("POST %s does not stand in the description", path)
	}
	schema := item.Post.RequestBody.Value.Content["application/x-www-form-urlencoded"].Schema.Value
	if schema.Discriminator != nil {
		if ref, ok := schema.Discriminator.Mapping[form.Get("grant_type")]; ok {
			schema = doc.Components.Schemas[ref.Ref[strings.LastIndex(ref.Ref, "/")+1:]].Value
		}
	}
	if strings.HasSuffix(form.Get("challenge_hint"), ":webauthn") {
		// A security key has no channel; the description does not know of it.
		keyed := *schema
		keyed.Required = []string{"login_hint", "challenge_hint"}
		schema = &keyed
	}
	value, known := map[string]any{}, properties(schema)
	for _, more := range undescribed() {
		known = append(known, more...)
	}
	for name, values := range form {
		if len(values) != 1 || !slices.Contains(known, name) {
			return fmt.Errorf("POST %s: parameter %s is unknown, or there more than once", path, name)
		}
		value[name] = values[0]
		// The description has an array, its examples one text with spaces.
		if strings.HasSuffix(name, "_types_supported") {
			var list []any
			for _, part := range strings.Fields(values[0]) {
				list = append(list, part)
			}
			value[name] = list
		}
	}
	return schema.VisitJSON(value, openapi3.MultiErrors())
}

func properties(schema *openapi3.Schema) (names []string) {
	for name := range schema.Properties {
		names = append(names, name)
	}
	for _, part := range schema.AllOf {
		names = append(names, properties(part.Value)...)
	}
	return names
}

// describedAnswer holds an answer of the fake org against the description. It
// has nothing on a server that fails, nor on WebAuthn.
func describedAnswer(path string, status int, body []byte) error {
	doc, err := description()
	if err != nil {
		return err
	}
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if value["publicKey"] != nil || status >= 500 || status == http.StatusNotFound {
		return nil
	}
	answer := doc.Paths.Find("/oauth2/v1" + path).Post.Responses.Status(status)
	if answer == nil {
		return fmt.Errorf("POST %s: status %d does not stand in the description", path, status)
	}
	schema := answer.Value.Content["application/json"].Schema.Value
	known := append(properties(schema), "mfa_token", "supported_challenge_types") // mfa_required, in the guide
	if status == http.StatusTooManyRequests {
		known = append(known, "error", "error_description") // /primary-authenticate has this shape, /token the other: be ready for both
	}
	for name := range value {
		if !slices.Contains(known, name) {
			return fmt.Errorf("POST %s: the answer's member %s is unknown", path, name)
		}
	}
	return schema.VisitJSON(value, openapi3.MultiErrors())
}
