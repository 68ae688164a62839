package directauth

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
)

// Bounds of a request.
const (
	maxBody   = 16 << 10
	maxFields = 32
	maxValue  = 2048 // bytes
)

// form is what a request says: each field once.
type form map[string]string

// readForm reads the body, bounded.
func readForm(r *http.Request) (form, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, refusal(http.StatusBadRequest, "invalid_request", "The content type isn't supported. Use application/x-www-form-urlencoded.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, apierror.New(http.StatusBadRequest, "The request body was not well-formed.", "the body was cut off")
	}
	if len(raw) > maxBody {
		return nil, apierror.New(http.StatusRequestEntityTooLarge, "The request is too large.")
	}
	return parseForm(string(raw))
}

// parseForm takes a body apart. A field that comes twice is refused: two who
// read it must not see two requests (RFC 6749 §3.2).
func parseForm(raw string) (form, error) {
	values, err := url.ParseQuery(raw)
	if err != nil || len(values) > maxFields {
		return nil, refusal(http.StatusBadRequest, "invalid_request", "The request body isn't well-formed.")
	}
	f := form{}
	for name, all := range values {
		if len(all) != 1 || len(name) > maxValue || len(all[0]) > maxValue || !utf8.ValidString(name) || !utf8.ValidString(all[0]) {
			return nil, refusal(http.StatusBadRequest, "invalid_request", "A parameter is repeated, too long, or not valid text.")
		}
		f[name] = all[0]
	}
	return f, nil
}

// need is a field that must be there.
func (f form) need(name string) (string, error) {
	if f[name] == "" {
		return "", missing(name)
	}
	return f[name], nil
}
