package directauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// adjust mends the description where it is at odds with what Okta does.
func adjust(doc *openapi3.T) {
	// It knows the org's own authorization server alone; Okta serves the same
	// under a custom one, from which SDKs derive all paths.
	for path, item := range doc.Paths.Map() {
		doc.Paths.Set(strings.Replace(path, "/oauth2/v1/", "/oauth2/default/v1/", 1), item)
	}
	doc.Servers = nil
	// Lists are sent as one value with spaces in it, as its own examples have
	// them, not as arrays of form fields.
	for _, schema := range doc.Components.Schemas {
		for _, s := range append([]*openapi3.SchemaRef{schema}, schema.Value.AllOf...) {
			for name, p := range s.Value.Properties {
				if name == "grant_types_supported" || name == "challenge_types_supported" {
					p.Value = openapi3.NewStringSchema()
				}
			}
		}
	}
	// What every server may answer when it is not well, or shut to a Mac.
	whole := openapi3.NewResponse().WithDescription("an error of the server").WithJSONSchemaRef(doc.Components.Schemas["Error"])
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, status := range []string{"413", "500"} {
				op.Responses.Set(status, &openapi3.ResponseRef{Value: whole})
			}
		}
	}
	// Its schemas allow any members, so that a wrong name would pass: they are
	// closed, with mfa_token as the facts have it, and the members of the SDKs.
	oauth := doc.Components.Schemas["OAuthError"].Value
	for _, name := range []string{"mfa_token", "supported_challenge_types"} {
		oauth.Properties[name] = openapi3.NewStringSchema().NewRef()
	}
	for _, name := range []string{"OAuthError", "Error", "OobAuthenticateResponse", "ChallengeResponse"} {
		closed := false
		doc.Components.Schemas[name].Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
	}
	oauth.Required = []string{"error", "error_description"}
	doc.Components.Schemas["OobAuthenticateResponse"].Value.Required = []string{"oob_code", "expires_in", "channel", "binding_method"}
	// A Mac that is shut out gets the error of a check-in, with its reason.
	shut := openapi3.NewSchema()
	own := openapi3.NewObjectSchema()
	for name, s := range doc.Components.Schemas["Error"].Value.Properties {
		own.Properties[name] = s
	}
	own.Properties["reason"] = openapi3.NewStringSchema().NewRef()
	own.Required = []string{"errorCode", "errorSummary"}
	shut.OneOf = openapi3.SchemaRefs{{Value: oauth}, {Value: own}}
	for _, item := range doc.Paths.Map() {
		if item.Post == nil {
			continue
		}
		for _, status := range []string{"400", "401", "403", "429"} {
			item.Post.Responses.Set(status, &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("refused").WithJSONSchema(shut)})
		}
	}
}

func (o *org) described(req *http.Request, body string, resp *http.Response, raw []byte) {
	o.T.Helper()
	route, params, err := o.router.FindRoute(req)
	if err != nil {
		o.T.Fatalf("%s does not stand in the description: %v", req.URL.Path, err)
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && resp.StatusCode < 400 {
		o.T.Errorf("%s was taken, against the description: %v", req.URL.Path, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(raw)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		o.T.Errorf("%s: answer %d %s is not as described: %v", req.URL.Path, resp.StatusCode, raw, err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		o.T.Errorf("%s: Cache-Control %q", req.URL.Path, resp.Header.Get("Cache-Control"))
	}
}

// nothingLeaked: no secret, code or token stands in a log or an event.
func (o *org) nothingLeaked() {
	var text strings.Builder
	for _, entry := range o.logs.All() {
		raw, _ := json.Marshal(entry.ContextMap())
		text.WriteString(entry.Message + string(raw) + "\n")
	}
	err := o.DB.View(context.Background(), func(tx *sql.Tx) error {
		found, err := o.Log.Find(context.Background(), tx, systemlog.Query{Limit: systemlog.MaxLimit})
		raw, _ := json.Marshal(found)
		text.Write(raw)
		return err
	})
	if err != nil && !strings.Contains(err.Error(), "closed") {
		o.T.Error(err)
	}
	for _, secret := range o.secretsOfTests {
		if strings.Contains(text.String(), secret) {
			o.T.Errorf("%q stands in a log or an event", secret)
		}
	}
}

// claims are those of an ID token, whose signature is right by the published
// keys.
func (o *org) claims(token string) map[string]any {
	o.T.Helper()
	part := strings.Split(token, ".")
	if len(part) != 3 {
		o.T.Fatalf("no JWT: %q", token)
	}
	decode := func(text string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			o.T.Fatal(err)
		}
		return raw
	}
	var head struct{ Alg, Kid string }
	var set struct {
		Keys []struct{ Kid, N, E, Alg, Kty, Use string }
	}
	if err := json.Unmarshal(decode(part[0]), &head); err != nil || head.Alg != "RS256" {
		o.T.Fatalf("%+v %v", head, err)
	}
	o.get("/oauth2/v1/keys", &set)
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	good := false
	for _, k := range set.Keys {
		if k.Kid == head.Kid && k.Kty == "RSA" && k.Alg == "RS256" && k.Use == "sig" {
			public := rsa.PublicKey{N: new(big.Int).SetBytes(decode(k.N)), E: int(new(big.Int).SetBytes(decode(k.E)).Int64())}
			good = rsa.VerifyPKCS1v15(&public, crypto.SHA256, sum[:], decode(part[2])) == nil
		}
	}
	if !good {
		o.T.Fatal("the signature is not of a published key")
	}
	var out map[string]any
	if err := json.Unmarshal(decode(part[1]), &out); err != nil {
		o.T.Fatal(err)
	}
	return out
}
