package plist

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	howett "howett.net/plist"
)

func seedSamples(f *testing.F) {
	files, err := os.ReadDir(samples)
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		f.Add(sample(f, filepath.Base(file.Name())))
	}
}

// FuzzXML: what we read, the other library reads the same; what we refuse comes
// with an *Error.
func FuzzXML(f *testing.F) {
	seedSamples(f)
	for _, body := range []string{
		"<integer>-1</integer>", "<real>1e3</real>", "<data>aGk=</data>", "<date>2026-01-31T12:00:00Z</date>", "<dict><key>a</key><array><true/></array></dict>",
	} {
		f.Add(doc(body))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		d, err := ParseFragment(input)
		if err != nil {
			mustBeError(t, err)
			return
		}
		// howett makes a number of its own of a dict with this key.
		if d.Format != XML || strings.Contains(string(input), "CF$UID") {
			return
		}
		agree(t, d, []byte(strings.TrimPrefix(string(input), "\xef\xbb\xbf")))
	})
}

// FuzzBinary: no input crashes the reader, and what it reads has a key once.
func FuzzBinary(f *testing.F) {
	f.Add(encode(f, map[string]any{"a": "b", "n": -3, "l": []any{1.5, true, []byte{1}, time.Unix(0, 0), "ü"}}))
	f.Add(assemble(list(0xa0, 0)))
	f.Add(assemble(list(0xa0, 1, 1), text("a")))
	f.Fuzz(func(t *testing.T, input []byte) {
		d, err := Parse(append([]byte("bplist00"), strings.TrimPrefix(string(input), "bplist00")...))
		if err != nil {
			mustBeError(t, err)
			return
		}
		unique(t, d.Root)
	})
}

// agree compares what we read with what howett reads.
func agree(t interface{ Fatalf(string, ...any) }, d Document, input []byte) {
	var theirs any
	if _, err := howett.Unmarshal(input, &theirs); err != nil {
		// It does not trim numbers as Apple's reader does.
		if strings.Contains(err.Error(), "invalid syntax") {
			return
		}
		t.Fatalf("we read %s, howett says %v", input, err)
	}
	if ours := plain(d.Root); !equal(ours, theirs) {
		t.Fatalf("of %s\nours %#v\ntheirs %#v", input, ours, theirs)
	}
}

func mustBeError(t *testing.T, err error) {
	var e *Error
	if !errors.As(err, &e) || e.Problem == "" {
		t.Fatalf("the error is %T: %v", err, err)
	}
}

func unique(t *testing.T, v Value) {
	seen := map[string]bool{}
	for _, e := range v.Entries {
		if seen[e.Key] {
			t.Fatalf("key %q twice", e.Key)
		}
		seen[e.Key] = true
		unique(t, e.Value)
	}
	for _, item := range v.Items {
		unique(t, item)
	}
}

// plain is the tree as a library would give it.
func plain(v Value) any {
	switch v.Kind {
	case Dict:
		m := map[string]any{}
		for _, e := range v.Entries {
			m[e.Key] = plain(e.Value)
		}
		return m
	case Array:
		a := make([]any, len(v.Items))
		for i := range v.Items {
			a[i] = plain(v.Items[i])
		}
		return a
	case String:
		return v.Text
	case Real:
		return v.Float
	case Boolean:
		return v.Bool
	case Date:
		return v.Time
	case Data:
		return v.Bytes
	}
	if n, ok := v.Int64(); ok && v.negative {
		return n
	}
	return v.magnitude
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		for k := range a {
			ok = ok && equal(a[k], b[k])
		}
		return ok && len(a) == len(b)
	case []any:
		b, ok := b.([]any)
		ok = ok && len(a) == len(b)
		for i := range a {
			ok = ok && equal(a[i], b[i])
		}
		return ok
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && string(a) == string(b)
	case uint64:
		n, signed := b.(int64)
		return a == b || signed && n == 0 && a == 0
	}
	return reflect.DeepEqual(a, b)
}
