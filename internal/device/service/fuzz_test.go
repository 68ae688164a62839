package service

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
)

// FuzzOrg: what the server told of the org is kept as it was read, and a record
// that cannot be read is an error, not an org without settings.
func FuzzOrg(f *testing.F) {
	f.Add([]byte(`{"known":true,"settings":{"recovery":false,"end_window_on_enrol":true},"done":["cmd1"]}`))
	f.Add([]byte(`{"done":null}`))
	f.Add([]byte(`{"known":"yes"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		records := storetest.With(map[string][]byte{orgKey: raw})
		o, err := openOrg(records)
		if err != nil {
			return
		}
		before := o.now()
		if before.Known && !before.Settings.Recovery && o.RecoveryOn() {
			t.Error("recovery is on although the server turned it off")
		}
		if err := o.change(func(*orgState) {}); err != nil {
			t.Fatal(err)
		}
		again, err := openOrg(records)
		if err != nil || !reflect.DeepEqual(again.now(), before) && len(before.Done) != 0 {
			t.Errorf("%+v came back as %+v, %v", before, again, err)
		}
	})
}

// FuzzExempt: the accounts that were let in without a factor are those that the
// records name, each once.
func FuzzExempt(f *testing.F) {
	f.Add([]byte(`{"GUID":"g","Name":"n","FullName":"N","UID":501}`), []byte(`{"GUID":"g"}`))
	f.Add([]byte(`{}`), []byte(`[]`))
	f.Fuzz(func(t *testing.T, one, other []byte) {
		e, err := openExempt(storetest.With(map[string][]byte{exemptPrefix + "1": one, exemptPrefix + "2": other}))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, a := range e.list() {
			if seen[a.GUID] {
				t.Errorf("%q twice", a.GUID)
			}
			seen[a.GUID] = true
		}
		a := factor.Account{GUID: "new", UID: 7}
		if added, err := e.add(a); err != nil || added == seen["new"] && !added {
			t.Errorf("added %v, %v", added, err)
		}
	})
}

// FuzzRemote: what cannot be read is no time, and what can comes back as it was.
func FuzzRemote(f *testing.F) {
	f.Add([]byte("2026-11-27T12:00:00.123Z"))
	f.Add([]byte("for ever"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		at, err := untilOf(raw)
		if err != nil {
			if !at.IsZero() {
				t.Errorf("%q is %s", raw, at)
			}
			return
		}
		again, err := untilOf([]byte(at.UTC().Format(time.RFC3339Nano)))
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %s, then %s, %v", raw, at, again, err)
		}
	})
}
