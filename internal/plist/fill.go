package plist

import (
	"bytes"
	"time"
)

// fill puts what a library read into the tree that the survey made. They must
// agree in shape: where they do not, one of them has misread the file, and
// guessing which would be a policy nobody wrote.
func fill(v *Value, read any) error {
	switch v.Kind {
	case Dict:
		return fillDict(v, read)
	case Array:
		return fillArray(v, read)
	}
	if !fillLeaf(v, read) {
		return disagree(v)
	}
	return nil
}

func fillDict(v *Value, read any) error {
	m, ok := read.(map[string]any)
	if !ok || len(m) != len(v.Entries) {
		return disagree(v)
	}
	for i := range v.Entries {
		inner, ok := m[v.Entries[i].Key]
		if !ok {
			return disagree(v)
		}
		if err := fill(&v.Entries[i].Value, inner); err != nil {
			return err
		}
	}
	return nil
}

func fillArray(v *Value, read any) error {
	items, ok := read.([]any)
	if !ok || len(items) != len(v.Items) {
		return disagree(v)
	}
	for i := range items {
		if err := fill(&v.Items[i], items[i]); err != nil {
			return err
		}
	}
	return nil
}

func fillLeaf(v *Value, read any) (ok bool) {
	switch read := read.(type) {
	case string:
		v.Text, ok = read, v.Kind == String
	case bool:
		v.Bool, ok = read, v.Kind == Boolean
	case []byte:
		v.Bytes, ok = bytes.Clone(read), v.Kind == Data
	case time.Time:
		v.Time, ok = read.UTC(), v.Kind == Date
	case float64:
		v.Float, ok = read, v.Kind == Real
	case float32:
		v.Float, ok = float64(read), v.Kind == Real
	case uint64:
		v.magnitude, ok = read, v.Kind == Integer
	case int64:
		v.negative, v.magnitude, ok = read < 0, magnitude(read), v.Kind == Integer
	}
	return ok
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func disagree(v *Value) error {
	return &Error{At: v.At, Problem: "this " + v.Kind.String() + " can be read in more than one way"}
}
