package systemlog

import "testing"

// FuzzEntry: an entry whose body was changed in the database is read, or named
// as the one that cannot be.
func FuzzEntry(f *testing.F) {
	f.Add(`{"message":"m","outcome":{"result":"SUCCESS"},"actor":{"id":"a"},"detail":{"k":"v"}}`)
	f.Add(`{"detail":[]}`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, body string) {
		e, err := record{seq: 7, kind: "x", hash: "h", body: body}.event()
		if err == nil && (e.Seq != 7 || e.Type != "x") || err != nil && e.Seq != 0 {
			t.Errorf("%+v, %v", e, err)
		}
	})
}
