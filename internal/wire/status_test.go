package wire_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// paths are the fields of a type as JSON has them.
func paths(t reflect.Type, at string) []string {
	switch {
	case t.Kind() == reflect.Pointer:
		return paths(t.Elem(), at)
	case t == reflect.TypeFor[time.Time]() || t.Kind() == reflect.Interface:
		return []string{at}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return paths(t.Elem(), at+"[]")
	case t.Kind() == reflect.Map:
		return paths(t.Elem(), at+".{key}")
	case t.Kind() != reflect.Struct:
		return []string{at}
	}
	var found []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			found = append(found, paths(f.Type, at)...)
		} else {
			found = append(found, paths(f.Type, strings.TrimPrefix(at+"."+name, "."))...)
		}
	}
	return found
}

// TestTheStatusIsDescribed: scripts of MDM admins rest on it. A row that has no
// field any more is a promise that was broken.
func TestTheStatusIsDescribed(t *testing.T) {
	raw, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(raw), -1) {
		rows = append(rows, m[1])
	}
	fields := paths(reflect.TypeFor[wire.Status](), "")
	for _, f := range fields {
		if !slices.Contains(rows, f) {
			t.Errorf("docs/status.md has no row for %s", f)
		}
	}
	for _, r := range rows {
		if !slices.Contains(fields, r) {
			t.Errorf("docs/status.md promises %s, which is not there", r)
		}
	}
}
