package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Bounds of what an administrator sends.
const (
	maxBody  = 64 << 10 // bytes
	maxQuery = 200
)

// decode reads a JSON object into v and refuses what v does not know, so that
// a misspelt field is not passed over.
func decode(body io.Reader, v any) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return invalid("the body was cut off")
	}
	if len(raw) > maxBody {
		return apierror.New(http.StatusRequestEntityTooLarge, "The request body is too large.", fmt.Sprintf("at most %d bytes", maxBody))
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return invalid("the body: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body: something follows the JSON object")
	}
	return nil
}

// body reads the request's body into v, after asking for p: who may not do a
// thing is not told how it is asked for. The desk asks again.
func (c call) body(p access.Permission, v any) error {
	if err := access.Require(c.ctx, p); err != nil {
		return err
	}
	return decode(c.Body, v)
}

// refuse is err, for one who may ask: who may not is told that alone.
func refuse(c call, p access.Permission, err error) error {
	return errors.Join(access.Require(c.ctx, p), err)
}

func invalid(causes ...string) *apierror.Error {
	return apierror.New(http.StatusBadRequest, "Api validation failed: "+causes[0], causes...)
}

// DecodePIN reads a request for a PIN. A missing reason is left to the rules
// of issue, which record the attempt. The error is an *apierror.Error.
func DecodePIN(body io.Reader) (wire.PINRequest, error) {
	var in wire.PINRequest
	if err := decode(body, &in); err != nil {
		return wire.PINRequest{}, err
	}
	out, err := desk.CheckPIN(in)
	if err != nil {
		return wire.PINRequest{}, visible(err)
	}
	return out, nil
}

// page reads limit and after.
func page(q url.Values, otherwise int) (directory.Page, error) {
	p := directory.Page{After: q.Get("after"), Limit: otherwise}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > directory.MaxPage {
			return p, invalid(fmt.Sprintf("limit: %q, want 1 to %d", s, directory.MaxPage))
		}
		p.Limit = n
	}
	if len(p.After) > maxQuery {
		return p, invalid("after: not a cursor of this server")
	}
	return p, nil
}

// only refuses query parameters that are not known: a filter that was passed
// over would show more than was asked for.
func only(q url.Values, known ...string) error {
	for name := range q {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return invalid(fmt.Sprintf("query parameter %q: this server takes %s", name, strings.Join(known, ", ")))
		}
	}
	return nil
}

// links is the Link header: this page, and the one after the cursor, if there is
// one.
func (s *Server) links(c call, after string) http.Header {
	link := func(q url.Values, rel string) string {
		query := q.Encode()
		if query != "" {
			query = "?" + query
		}
		return fmt.Sprintf("<%s%s%s>; rel=%q", s.PublicURL, c.URL.EscapedPath(), query, rel)
	}
	q := c.URL.Query()
	out := []string{link(q, "self")}
	if after != "" {
		q.Set("after", after)
		out = append(out, link(q, "next"))
	}
	return http.Header{"Link": out}
}

// expression reads a SCIM expression in a parameter.
func expression(name, text string) (scim.Expression, error) {
	e, err := scim.Parse(text)
	return e, named(name, err)
}

// named is an error of a SCIM expression, for whoever wrote it; others stay.
func named(name string, err error) error {
	var syntax *scim.SyntaxError
	var refusal *scim.RefusedError
	if errors.As(err, &syntax) || errors.As(err, &refusal) {
		return invalid(name + ": " + err.Error())
	}
	return err
}
