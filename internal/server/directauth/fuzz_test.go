package directauth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzForm: a body is read with each field once and short, or is refused.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"grant_type=password&username=amy&password=a%20b", "a=1&a=2", "%zz", "a=%ff", "a", "=", "a=b;c=d", strings.Repeat("a=1&", 50)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parseForm(raw)
		if err != nil {
			if got != nil {
				t.Error("a form with an error")
			}
			return
		}
		if len(got) > maxFields {
			t.Errorf("%d fields", len(got))
		}
		for name, value := range got {
			if len(name) > maxValue || len(value) > maxValue || !utf8.ValidString(name+value) {
				t.Errorf("%q: %q", name, value)
			}
		}
	})
}

// FuzzBasic: a header is read into an id and a secret that are short, or is
// refused.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{"id:secret", "id", ":", "%zz:x", "a%3Ab:c%3Ad", strings.Repeat("x", 3000) + ":y"} {
		f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte(seed)))
	}
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		id, secret, err := basicCredentials(r, form{})
		if err == nil && (id == "" || len(id) > maxValue || len(secret) > maxValue) || err != nil && id+secret != "" {
			t.Errorf("%q: %q %q %v", header, id, secret, err)
		}
	})
}

// FuzzQuoted: what is repeated is short, printable, and cannot end the quote.
func FuzzQuoted(f *testing.F) {
	f.Add("sms")
	f.Add("<script>`\n\x00\u202e")
	f.Fuzz(func(t *testing.T, value string) {
		if got := quoted(value); len([]rune(got)) > 43 || strings.ContainsAny(got, "`\n\r\x00\x1b") || !utf8.ValidString(got) {
			t.Errorf("%q is %q", value, got)
		}
	})
}

// FuzzAssertion: what a security key answered is read whole, or is refused.
func FuzzAssertion(f *testing.F) {
	f.Add("AA", "e30", "AA", "")
	f.Add("AA==", "!", "", "AA")
	f.Fuzz(func(t *testing.T, data, client, signature, handle string) {
		a, err := form{"authenticatorData": data, "clientDataJSON": client, "signature": signature, "userHandle": handle}.assertion()
		if err == nil && (data == "" || len(a.Signature) > len(signature) || len(a.UserHandle) > len(handle)) {
			t.Errorf("%q %q: %+v", data, signature, a)
		}
	})
}
