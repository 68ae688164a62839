package policy

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// row is how docs/settings.md says what the table says.
func row(d Definition) string {
	kind := d.Kind.String()
	if d.Kind == Number {
		kind += ", " + string(d.Unit)
	}
	preset := "required"
	if !d.Required {
		preset = defaultText(d.Default)
	}
	allowed := "any text"
	switch {
	case d.Kind == Number:
		allowed = number(d.Min) + " to " + number(d.Max)
	case d.Kind == Choices:
		allowed = "`*`, `" + strings.Join(d.Choices, "`, `") + "`"
	case len(d.Choices) > 0:
		allowed = "`" + strings.Join(d.Choices, "`, `") + "`"
	case d.Kind == Boolean:
		allowed = "`<true/>`, `<false/>`"
	case d.Kind == URL:
		allowed = "https, host, port, path"
	case d.Kind == Names:
		allowed = "short names, `*`"
	case d.Required:
		allowed = "not empty"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |", d.Key, kind, preset, allowed, d.Since, d.Doc)
}

func defaultText(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "empty"
		}
		return "`" + v + "`"
	case []string:
		if len(v) == 0 {
			return "empty"
		}
		return "`" + strings.Join(v, "`, `") + "`"
	case float64:
		return number(v)
	}
	return fmt.Sprintf("%v", v)
}

// TestDocs: docs/settings.md has exactly the keys, defaults and ranges of the
// table.
func TestDocs(t *testing.T) {
	raw, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, d := range Definitions() {
		if !strings.Contains(text, row(d)+"\n") {
			t.Errorf("docs/settings.md lacks the row\n%s", row(d))
		}
	}
	if rows := regexp.MustCompile("(?m)^\\| `[A-Za-z]+` \\|.*\\| "+regexp.QuoteMeta(first)+" \\|").FindAllString(text, -1); len(rows) != len(Definitions()) {
		t.Errorf("docs/settings.md has %d rows, the table %d", len(rows), len(Definitions()))
	}
	for _, key := range WindowsOnly() {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("docs/settings.md does not say that %s is a Windows key", key)
		}
	}
}

// TestTable: every row is complete, and every field of the policy is filled by
// exactly one.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Definitions() {
		if d.Key == "" || d.Kind == 0 || d.Since == "" || d.Doc == "" || seen[d.Key] {
			t.Errorf("%+v", d)
		}
		seen[d.Key] = true
		if d.Kind == Number && (d.Unit == "" || d.Min >= d.Max || d.Default.(float64) < d.Min || d.Default.(float64) > d.Max) {
			t.Errorf("%s: %v from %v to %v %s", d.Key, d.Default, d.Min, d.Max, d.Unit)
		}
		if !d.Required && d.Default == nil {
			t.Errorf("%s has no default", d.Key)
		}
	}
	p := &Policy{}
	for _, s := range settings() {
		s.preset(p)
	}
	for v, i := reflect.ValueOf(*p), 0; i < v.NumField(); i++ {
		if v.Field(i).FieldByName("Origin").Int() != int64(Default) {
			t.Errorf("no row fills %s", v.Type().Field(i).Name)
		}
	}
	if n := reflect.TypeFor[Policy]().NumField(); n != len(seen) {
		t.Errorf("%d fields, %d keys", n, len(seen))
	}
}
