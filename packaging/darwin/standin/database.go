package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// evaluates is the class of a right that has a list of mechanisms.
const evaluates = "evaluate-mechanisms"

// macEpoch is where macOS counts seconds from.
func macEpoch() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }

// rule is what authd keeps of a right: what its reader (rule.c) does not know is
// lost when it is written.
type rule struct {
	class, comment    string
	created, modified float64
	mechanisms        []string
	shared            bool
	tries, version    int64
}

func rulePath(right string) string { return filepath.Join(standin, "rights", right+".plist") }

var errNoRight = errors.New("there is no such right")

// load is a right of the database, as the property list that authd gives.
func load(right string) ([]byte, error) {
	raw, err := os.ReadFile(rulePath(right))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoRight
	}
	return raw, err
}

// parseRule reads a property list as rule_create_with_plist does: a version that
// is not there is 0.
func parseRule(raw []byte) (r rule, err error) {
	document, err := plist.Parse(raw)
	if err != nil {
		return r, err
	}
	root := document.Root
	if root.Kind != plist.Dict {
		return r, errors.New("a right is a dictionary")
	}
	text := func(key string) string { e, _ := root.Get(key); return e.Value.Text }
	number := func(key string, without int64) int64 {
		e, there := root.Get(key)
		if n, whole := e.Value.Int64(); there && whole {
			return n
		}
		return without
	}
	r = rule{class: text("class"), comment: text("comment"), tries: number("tries", 10000), version: number("version", 0)}
	if e, there := root.Get("shared"); there {
		r.shared = e.Value.Bool
	}
	e, _ := root.Get("created")
	r.created, _ = e.Value.Number()
	list, _ := root.Get("mechanisms")
	if r.class != evaluates || list.Value.Kind != plist.Array {
		return r, errors.New("only the class " + evaluates + " is played here, with its list")
	}
	for _, item := range list.Value.Items {
		if item.Kind != plist.String {
			return r, errors.New("a mechanism is a string")
		}
		r.mechanisms = append(r.mechanisms, item.Text)
	}
	return r, nil
}

// store writes a right: authd keeps when it was made, and says when it was
// changed.
func store(right string, r rule) error {
	now := time.Since(macEpoch()).Seconds()
	r.modified = now
	if r.created == 0 {
		r.created = now
	}
	if old, err := load(right); err == nil {
		if was, err := parseRule(old); err == nil {
			r.created = was.created
		}
	}
	temporary := rulePath(right) + ".new"
	if err := os.WriteFile(temporary, r.xml(), 0o600); err != nil {
		return fmt.Errorf("write the right: %w", err)
	}
	return os.Rename(temporary, rulePath(right))
}

// xml is the rule as `security authorizationdb read` prints it: keys in order.
func (r rule) xml() []byte {
	var list strings.Builder
	for _, m := range r.mechanisms {
		list.WriteString("\t\t<string>" + escaped(m) + "</string>\n")
	}
	array := "<array>\n" + list.String() + "\t</array>"
	if len(r.mechanisms) == 0 {
		array = "<array/>"
	}
	values := map[string]string{
		"class":      "<string>" + escaped(r.class) + "</string>",
		"created":    real(r.created),
		"mechanisms": array,
		"modified":   real(r.modified),
		"shared":     "<" + strconv.FormatBool(r.shared) + "/>",
		"tries":      fmt.Sprintf("<integer>%d</integer>", r.tries),
		"version":    fmt.Sprintf("<integer>%d</integer>", r.version),
	}
	if r.comment != "" {
		values["comment"] = "<string>" + escaped(r.comment) + "</string>"
	}
	keys := []string{}
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := bytes.NewBufferString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
		"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n")
	for _, key := range keys {
		fmt.Fprintf(out, "\t<key>%s</key>\n\t%s\n", key, values[key])
	}
	out.WriteString("</dict>\n</plist>\n")
	return out.Bytes()
}

func real(seconds float64) string {
	return "<real>" + strconv.FormatFloat(seconds, 'f', -1, 64) + "</real>"
}

func escaped(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}

// meddle plays another product that puts its own mechanism at the end of the
// list, or takes it away again.
func meddle(right string) error {
	raw, err := load(right)
	if err != nil {
		return err
	}
	r, err := parseRule(raw)
	if err != nil {
		return err
	}
	const other = "PSSOAuthPlugin:login-auth"
	if i := slices.Index(r.mechanisms, other); i >= 0 {
		r.mechanisms = slices.Delete(r.mechanisms, i, i+1)
	} else {
		r.mechanisms = slices.Insert(r.mechanisms, max(len(r.mechanisms)-1, 0), other)
	}
	return store(right, r)
}
