package wire

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzControl: what the daemon answers on its control socket is read whole or
// refused; what was read goes through a dictionary and back unchanged.
func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"v":1,"agent":"1","now":"2026-11-24T09:00:00Z","policy":{"state":"good","values":{"AdminEmail":{"value":"a","origin":"profile"}}},"accounts":[{"guid":"g","name":"n","factors":[]}]}`))
	f.Add([]byte(`{"checks":[{"name":"policy","ok":true,"detail":"d"}]}`))
	f.Add([]byte(`{"accounts":[{"guid":1}]}`))
	f.Add([]byte(`{"now":null,"accounts":[null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d Dictionary
		if json.Unmarshal(raw, &d) != nil {
			return
		}
		for _, into := range []func() any{func() any { return &Status{} }, func() any { return &DoctorReply{} }, func() any { return &FactorsReply{} }} {
			read := into()
			if FromDictionary(d, read) != nil {
				continue
			}
			back, err := DictionaryOf(read)
			if err != nil {
				continue // a number or a time that JSON cannot write
			}
			again := into()
			if err := FromDictionary(back, again); err != nil {
				t.Fatalf("%+v cannot be read back: %v", read, err)
			}
			one, _ := json.Marshal(read)
			other, _ := json.Marshal(again)
			var a, b any
			if json.Unmarshal(one, &a) != nil || json.Unmarshal(other, &b) != nil || !reflect.DeepEqual(normal(a), normal(b)) {
				t.Errorf("%s came back as %s", one, other)
			}
		}
	})
}

// normal drops what a dictionary does not carry: nulls.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key] = normal(value); value == nil {
				delete(v, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	}
	return v
}
