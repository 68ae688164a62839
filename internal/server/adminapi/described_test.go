package adminapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
)

// description is one that answers are held against.
type description struct {
	name   string
	router routers.Router
}

// ours is the server's own: all of its paths stand in it.
func ours(t testing.TB) description {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(adminapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	return read(t, "its own description", doc)
}

// oktas is Okta's, of the paths that this server has from there.
func oktas(t testing.TB) description {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../../testdata/openapi/okta-management.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	adjust(doc)
	return read(t, "Okta's description", doc)
}

func read(t testing.TB, name string, doc *openapi3.T) description {
	t.Helper()
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return description{name, r}
}

// adjust makes Okta's description as strict as this server means to be, and
// mends it where it is at odds with its own examples.
func adjust(doc *openapi3.T) {
	doc.Servers = nil
	// It names these two ways to authenticate, and left them out.
	token := openapi3.NewSecurityScheme().WithType("apiKey").WithIn("header").WithName("Authorization")
	doc.Components.SecuritySchemes = openapi3.SecuritySchemes{"apiToken": {Value: token}, "oauth2": {Value: token}}
	for _, s := range doc.Components.Schemas {
		tighten(s.Value, map[*openapi3.Schema]bool{})
	}
	// A schema that is a reference is the same object wherever it is used; what
	// stands in the answers themselves is only lists of those.
	schema := func(name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }
	// Its examples have null here, and no Mac of this server has another name.
	schema("Device").Properties["resourceAlternateId"] = nullable()
	schema("DeviceList").Properties["resourceAlternateId"] = nullable()
	// What Latchkey adds, by name: any other name that is not Okta's fails.
	extra := openapi3.NewObjectSchema().WithAnyAdditionalProperties().NewRef()
	for _, name := range []string{"Device", "DeviceList", "OSAccountMacOS", "LogEvent"} {
		schema(name).Properties["latchkey"] = extra
	}
	schema("LinksSelfAndFullUsersLifecycle").Properties["osAccounts"] = doc.Components.Schemas["HrefObject"]
	schema("OSAccountLinks").Properties["recoveryPins"] = doc.Components.Schemas["HrefObject"]
	// All of an error is there, in every answer that is one.
	refusal := schema("Error")
	refusal.Required = []string{"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
	// It names a few statuses for each operation; Okta's documentation of errors
	// has these for any.
	whole := openapi3.NewResponse().WithDescription("an error").WithJSONSchemaRef(doc.Components.Schemas["Error"])
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, status := range []string{"400", "401", "403", "404", "409", "413", "429", "500"} {
				op.Responses.Set(status, &openapi3.ResponseRef{Value: whole})
			}
		}
	}
}

func nullable() *openapi3.SchemaRef { return openapi3.NewStringSchema().WithNullable().NewRef() }

// tighten closes a schema, so that a wrong name fails, and makes lists of known
// values the only ones. What is put together of several becomes one: each part
// alone would refuse the members of the others.
func tighten(s *openapi3.Schema, done map[*openapi3.Schema]bool) {
	if s == nil || done[s] {
		return
	}
	done[s] = true
	for _, part := range s.AllOf {
		tighten(part.Value, done)
		for name, p := range part.Value.Properties {
			if s.Properties == nil {
				s.Properties = openapi3.Schemas{}
			}
			if _, there := s.Properties[name]; !there {
				s.Properties[name] = p
			}
		}
		s.Required = append(s.Required, part.Value.Required...)
		if open := part.Value.AdditionalProperties; open.Has != nil && *open.Has {
			s.AdditionalProperties = open
		}
	}
	s.AllOf, s.Discriminator = nil, nil
	for _, p := range s.Properties {
		tighten(p.Value, done)
	}
	if s.Items != nil {
		tighten(s.Items.Value, done)
	}
	if known, ok := s.Extensions["x-okta-known-values"].([]any); ok {
		s.Enum = known
	}
	if open := s.AdditionalProperties; len(s.Properties) > 0 && open.Schema == nil && open.Has == nil {
		closed := false
		s.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
	}
}

// hold holds an exchange against a description; one that does not know the path
// has nothing to say.
func (d description) hold(t testing.TB, req *http.Request, body []byte, w *httptest.ResponseRecorder) (route *routers.Route) {
	t.Helper()
	route, params, err := d.router.FindRoute(req)
	if err != nil {
		return nil
	}
	copied := req.Clone(context.Background())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && w.Code < 400 {
		t.Errorf("%s %s was taken, against %s: %v", req.Method, req.URL, d.name, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s %s: answer %d is not as in %s: %v", req.Method, req.URL, w.Code, d.name, err)
	}
	return route
}

// TestTheDescriptionsBite: what is held against them fails when it is wrong.
func TestTheDescriptionsBite(t *testing.T) {
	const device = `{"id":"d","status":"ACTIVE","profile":{"displayName":"x","platform":"MACOS","registered":true},"resourceAlternateId":null,"latchkey":{}`
	for body, good := range map[string]bool{
		device + `}`:                true,
		device + `,"serial":"C02"}`: false, // not a name of Okta's
		device + `,"_links":{"self":{"href":"https://a.example"},"osAccounts":{"href":"https://a.example"}}}`: true,
		device + `,"_links":{"self":{}}}`:                       false,
		`{"id":"d","status":"RUNNING"}`:                         false,
		`{"id":"d","profile":{"displayName":"x"}}`:              false, // what is needed of the profile
		`{"id":"d","profile":{"osversion":"1"}}`:                false,
		`{"id":"d","created":"yesterday"}`:                      false,
		`{"errorCode":"E0000007","errorSummary":"there is no"}`: false,
	} {
		probe := &recorder{TB: t}
		req := httptest.NewRequest("GET", "/api/v1/devices/d", nil)
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.WriteString(body)
		if oktas(t).hold(probe, req, nil, w); probe.failed == good {
			t.Errorf("%s: failed %v", body, probe.failed)
		}
	}
}

// recorder is a test whose failure is looked at.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Helper()               {}
