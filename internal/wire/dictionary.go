package wire

import (
	"fmt"
	"time"
)

// Dictionary is what an xipc message carries. Its values are bool, int64,
// uint64, float64, time.Time, []byte, string, [16]byte, []any and Dictionary.
type Dictionary = map[string]any

// reader takes values out of a dictionary and remembers the first that is
// missing or of the wrong kind, so that a decoder reads like a list of fields.
type reader struct {
	from Dictionary
	err  error
}

func need[T any](r *reader, key string) T {
	value, ok := r.from[key].(T)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("field %q: want %T, have %T", key, value, r.from[key])
	}
	return value
}

func maybe[T any](r *reader, key string) (T, bool) {
	if _, there := r.from[key]; !there {
		var none T
		return none, false
	}
	return need[T](r, key), r.err == nil
}

// text takes a string of at most limit bytes.
func (r *reader) text(key string, limit int) string {
	s := need[string](r, key)
	return r.bounded(key, s, limit)
}

// optional takes a string of at most limit bytes, "" where there is none.
func (r *reader) optional(key string, limit int) string {
	s, _ := maybe[string](r, key)
	return r.bounded(key, s, limit)
}

func (r *reader) bounded(key, s string, limit int) string {
	if len(s) > limit && r.err == nil {
		r.err = fmt.Errorf("field %q: %d bytes, at most %d", key, len(s), limit)
	}
	if r.err != nil {
		return ""
	}
	return s
}

// each calls read with every dictionary of the list at key, at most limit.
func (r *reader) each(key string, limit int, read func(*reader)) {
	list, there := maybe[[]any](r, key)
	if !there {
		return
	}
	if len(list) > limit {
		r.err = fmt.Errorf("field %q: %d entries, at most %d", key, len(list), limit)
		return
	}
	for i, item := range list {
		d, ok := item.(Dictionary)
		if !ok {
			r.err = fmt.Errorf("field %q: entry %d: want a dictionary, have %T", key, i, item)
			return
		}
		inner := &reader{from: d}
		read(inner)
		if inner.err != nil {
			r.err = fmt.Errorf("field %q: entry %d: %w", key, i, inner.err)
			return
		}
	}
}

func putText(d Dictionary, key, value string) {
	if value != "" {
		d[key] = value
	}
}

func putTime(d Dictionary, key string, value time.Time) {
	if !value.IsZero() {
		d[key] = value
	}
}
