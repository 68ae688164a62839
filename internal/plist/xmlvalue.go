package plist

import (
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// value surveys the element that start opens, up to its end.
func (s *survey) value(start xml.StartElement) (Value, error) {
	if len(s.open) > MaxDepth {
		return Value{}, s.wrong(s.at, "values are nested deeper than %d levels", MaxDepth)
	}
	at := s.push(start)
	switch start.Name.Local {
	case "dict":
		return s.dict(at)
	case "array":
		return s.array(at)
	}
	kind, check := leaf(start.Name.Local)
	if kind == 0 {
		return Value{}, s.wrong(at, "<%s> is not an element of a property list here", start.Name.Local)
	}
	text, err := s.text()
	if err != nil {
		return Value{}, err
	}
	if !check(text) {
		return Value{}, s.wrong(at, "what stands in this <%s> is not %s", start.Name.Local, expected[kind])
	}
	return Value{Kind: kind, At: at}, nil
}

func (s *survey) dict(at Position) (Value, error) {
	v := Value{Kind: Dict, At: at}
	seen := map[string]Position{}
	for {
		start, err := s.child()
		if err != nil || start == nil {
			return v, err
		}
		if start.Name.Local != "key" {
			return v, s.wrong(s.at, "<%s> stands in a <dict> without a <key> before it", start.Name.Local)
		}
		e := Entry{At: s.push(*start)}
		if e.Key, err = s.text(); err != nil {
			return v, err
		}
		if first, twice := seen[e.Key]; twice {
			return v, s.wrong(e.At, "key %s stands twice in one <dict>, first at %s", quoted(e.Key), first)
		}
		seen[e.Key] = e.At
		if e.Value, err = s.valueOf(e); err != nil {
			return v, err
		}
		v.Entries = append(v.Entries, e)
	}
}

// valueOf surveys the value that must follow a key.
func (s *survey) valueOf(e Entry) (Value, error) {
	start, err := s.child()
	if err != nil {
		return Value{}, err
	}
	if start == nil || start.Name.Local == "key" {
		return Value{}, s.wrong(e.At, "key %s has no value", quoted(e.Key))
	}
	return s.value(*start)
}

func (s *survey) array(at Position) (Value, error) {
	v := Value{Kind: Array, At: at}
	for {
		start, err := s.child()
		if err != nil || start == nil {
			return v, err
		}
		item, err := s.value(*start)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
	}
}

var expected = [...]string{
	String: "text", Integer: "a whole number in decimal digits", Real: "a number in decimal digits",
	Boolean: "empty", Data: "base64", Date: "a date like 2026-01-31T12:00:00Z",
}

// leaf is the kind of an element without elements in it and what its text must
// be. The checks are those of the library, so that it finds nothing to refuse,
// and stricter where it makes 0 of nothing.
func leaf(name string) (Kind, func(string) bool) {
	switch name {
	case "string":
		return String, func(string) bool { return true }
	case "integer":
		return Integer, isInteger
	case "real":
		return Real, isReal
	case "true", "false":
		return Boolean, func(s string) bool { return strings.TrimSpace(s) == "" }
	case "data":
		return Data, isBase64
	case "date":
		return Date, isDate
	}
	return 0, nil
}

func isInteger(s string) bool {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "-") {
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil
	}
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// isReal takes nan and inf, which Apple's reader takes as well: the caller's
// table refuses them by name.
func isReal(s string) bool {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

var noSpace = strings.NewReplacer("\t", "", "\n", "", " ", "", "\r", "")

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(noSpace.Replace(s))
	return err == nil
}

func isDate(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil
}

// quoted is a key for an error: bounded, with control characters escaped.
func quoted(key string) string {
	const most = 64
	if len(key) > most {
		key = key[:most] + "…"
	}
	return strconv.Quote(key)
}
