package wire_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

var (
	drawText = rapid.StringN(0, 40, wire.MaxName)
	drawTime = rapid.Map(rapid.Int64Range(1, 4e9), func(s int64) time.Time { return time.Unix(s, 0).UTC() })
)

func drawScreen(rt *rapid.T) wire.Screen {
	text := func(label string) string { return drawText.Draw(rt, label) }
	s := wire.Screen{Seq: rapid.Uint64().Draw(rt, "seq"), Kind: wire.ScreenKind(text("kind")), Title: text("title"), Text: text("text"),
		Number: text("number"), QR: text("qr"), Busy: rapid.Bool().Draw(rt, "busy")}
	if rapid.Bool().Draw(rt, "noted") {
		s.Note = &wire.Note{Level: text("level"), Text: text("note")}
	}
	if rapid.Bool().Draw(rt, "ends") {
		s.Deadline = drawTime.Draw(rt, "deadline")
	}
	some := rapid.IntRange(0, 3)
	for range some.Draw(rt, "fields") {
		s.Fields = append(s.Fields, wire.Field{Name: text("name"), Kind: text("field"), Label: text("label"), Digits: rapid.IntRange(0, wire.MaxValue).Draw(rt, "digits"), Value: text("value")})
	}
	for range some.Draw(rt, "choices") {
		s.Choices = append(s.Choices, wire.Choice{ID: text("id"), Label: text("label"), Enabled: rapid.Bool().Draw(rt, "enabled"), Reason: text("reason")})
	}
	for range some.Draw(rt, "actions") {
		s.Actions = append(s.Actions, wire.Action{ID: text("id"), Label: text("label"), Role: text("role")})
	}
	for range some.Draw(rt, "facts") {
		s.Facts = append(s.Facts, wire.Fact{Label: text("label"), Value: text("value"), Spoken: text("spoken")})
	}
	return s
}

// same fails unless reading what was written gives it back.
func same[T any](rt *rapid.T, v T, d wire.Dictionary, from func(wire.Dictionary) (T, error)) {
	got, err := from(d)
	if err != nil || !reflect.DeepEqual(got, v) {
		rt.Fatalf("%+v\ncomes back as\n%+v, %v", v, got, err)
	}
}

func TestWhatIsSentIsWhatArrives(t *testing.T) {
	ticket := rapid.SampledFrom([][]byte{nil, make([]byte, wire.TicketSize), []byte("0123456789abcdef")})
	rapid.Check(t, func(rt *rapid.T) {
		screen := drawScreen(rt)
		same(rt, screen, screen.Dictionary(), wire.ScreenFrom)
		act := wire.Act{Seq: rapid.Uint64().Draw(rt, "seq"), Action: drawText.Draw(rt, "action"), Choice: drawText.Draw(rt, "choice"),
			Values: rapid.MapOfN(drawText, drawText, 0, wire.MaxItems).Draw(rt, "values")}
		same(rt, act, act.Dictionary(), wire.ActFrom)
		done := wire.Done{Result: drawText.Draw(rt, "result"), Ticket: ticket.Draw(rt, "ticket")}
		same(rt, done, done.Dictionary(), wire.DoneFrom)
		decide := wire.Decide{UID: rapid.Uint32().Draw(rt, "uid"), Ticket: ticket.Draw(rt, "ticket")}
		same(rt, decide, decide.Dictionary(), wire.DecideFrom)
		decision := wire.Decision{Allow: rapid.Bool().Draw(rt, "allow"), Reason: drawText.Draw(rt, "reason")}
		same(rt, decision, decision.Dictionary(), wire.DecisionFrom)
	})
}

const secret = "539902792" // what must not reach an error

var readers = map[string]struct {
	good func() wire.Dictionary
	read func(wire.Dictionary) error
}{
	"screen": {
		func() wire.Dictionary {
			return wire.Screen{Title: "t", Note: &wire.Note{Level: "info", Text: "n"}, Fields: []wire.Field{{Name: "pin", Digits: 9, Value: "v"}},
				Choices: []wire.Choice{{ID: "a", Reason: "r"}}, Actions: []wire.Action{{ID: "back"}}, Facts: []wire.Fact{{Label: "l"}},
				Number: "1", QR: "q", Deadline: time.Unix(1, 0)}.Dictionary()
		},
		func(d wire.Dictionary) error { _, err := wire.ScreenFrom(d); return err },
	},
	"act": {
		func() wire.Dictionary {
			return wire.Act{Action: "submit", Choice: "c", Values: map[string]string{"pin": secret}}.Dictionary()
		},
		func(d wire.Dictionary) error { _, err := wire.ActFrom(d); return err },
	},
	"done": {
		func() wire.Dictionary { return wire.Done{Result: "back", Ticket: make([]byte, 16)}.Dictionary() },
		func(d wire.Dictionary) error { _, err := wire.DoneFrom(d); return err },
	},
	"decide": {
		func() wire.Dictionary { return wire.Decide{UID: 1, Ticket: make([]byte, 16)}.Dictionary() },
		func(d wire.Dictionary) error { _, err := wire.DecideFrom(d); return err },
	},
	"decision": {
		func() wire.Dictionary { return wire.Decision{Allow: true}.Dictionary() },
		func(d wire.Dictionary) error { _, err := wire.DecisionFrom(d); return err },
	},
}

// fields calls visit for every value in d, however deep, in the order of their
// names, with the dictionary that it stands in.
func fields(d wire.Dictionary, visit func(in wire.Dictionary, key string)) {
	for _, key := range slices.Sorted(maps.Keys(d)) {
		visit(d, key)
		switch v := d[key].(type) {
		case wire.Dictionary:
			fields(v, visit)
		case []any:
			for _, item := range v {
				fields(item.(wire.Dictionary), visit)
			}
		}
	}
}

// TestAHostileFieldIsNamedAndNeverShown puts a wrong value into every field of
// every shape, in turn.
func TestAHostileFieldIsNamedAndNeverShown(t *testing.T) {
	long := strings.Repeat(secret, 1000)
	wrong := map[string]any{"a number": 5.39902792e8, "a text": long, "bytes": []byte(secret), "none": nil, "a list of texts": []any{secret},
		"a dictionary": wire.Dictionary{secret: secret}, "a list too long": make([]any, wire.MaxItems+1)}
	for name, shape := range readers {
		if err := shape.read(shape.good()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for kind, value := range wrong {
			count := 0
			fields(shape.good(), func(wire.Dictionary, string) { count++ })
			for nth := range count {
				d, key := broken(shape.good, nth, value)
				if key == "values" && kind == "a dictionary" {
					continue // that is what it is
				}
				err := shape.read(d)
				switch {
				case err == nil:
					t.Errorf("%s: %q may be %s", name, key, kind)
				case strings.Contains(err.Error(), secret):
					t.Errorf("%s: the error shows the value: %v", name, err)
				case !strings.Contains(err.Error(), fmt.Sprintf("%q", key)) && key != "pin":
					t.Errorf("%s: the error of %q does not name it: %v", name, key, err)
				}
			}
		}
	}
}

// broken is a good dictionary whose nth field holds value.
func broken(good func() wire.Dictionary, nth int, value any) (wire.Dictionary, string) {
	d := good()
	var at []func()
	var keys []string
	fields(d, func(in wire.Dictionary, key string) {
		at, keys = append(at, func() { in[key] = value }), append(keys, key)
	})
	at[nth]()
	return d, keys[nth]
}

// TestAnAnswerThatCannotBeReadIsNoAllow: the gate reads it.
func TestAnAnswerThatCannotBeReadIsNoAllow(t *testing.T) {
	for _, d := range []wire.Dictionary{{}, nil, {"allow": true}, {"allow": "true", "reason": ""}, {"allow": true, "reason": strings.Repeat("x", wire.MaxText+1)}, {"allow": uint64(1), "reason": ""}} {
		if got, err := wire.DecisionFrom(d); err == nil || got.Allow {
			t.Errorf("%v reads as %+v, %v", d, got, err)
		}
	}
}

func TestBoundsAreToTheByte(t *testing.T) {
	for size, good := range map[int]bool{wire.MaxValue: true, wire.MaxValue + 1: false} {
		act := wire.Act{Action: "submit", Values: map[string]string{"pin": strings.Repeat("1", size)}}
		if _, err := wire.ActFrom(act.Dictionary()); (err == nil) != good {
			t.Errorf("a value of %d bytes: %v", size, err)
		}
		act = wire.Act{Action: "submit", Values: map[string]string{strings.Repeat("n", size): ""}}
		if _, err := wire.ActFrom(act.Dictionary()); (err == nil) != good {
			t.Errorf("a name of %d bytes: %v", size, err)
		}
	}
	for size, good := range map[int]bool{0: true, 1: false, wire.TicketSize - 1: false, wire.TicketSize: true, wire.TicketSize + 1: false} {
		if _, err := wire.DecideFrom(wire.Decide{Ticket: make([]byte, size)}.Dictionary()); (err == nil) != good {
			t.Errorf("a ticket of %d bytes: %v", size, err)
		}
	}
	if _, err := wire.DecideFrom(wire.Dictionary{"uid": uint64(1) << 32}); err == nil {
		t.Error("a uid of 33 bits")
	}
}

func TestControlRepliesArriveWhole(t *testing.T) {
	last := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	want := wire.Status{V: 1, Agent: "1", Now: last, Armed: wire.Armed{State: "armed"}, Store: "good",
		Policy: wire.PolicyStatus{State: "good", Problems: []string{}, Values: map[string]wire.PolicySetting{"K": {Value: "v", Origin: "forced"}}},
		Accounts: []wire.AccountStatus{{Account: wire.Account{GUID: "g", UID: 1<<32 - 1, Factors: []wire.Factor{{ID: "f", At: last}},
			Secret: wire.SecretState{Generation: 7}, WindowUntil: &last}, WindowLeftSeconds: 3600}},
		CheckIn: wire.CheckInStatus{Server: "https://x", Last: &last, Queued: 50_000}}
	d, err := wire.DictionaryOf(want)
	if err != nil {
		t.Fatal(err)
	}
	var got wire.Status
	if err := wire.FromDictionary(d, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\ncomes back as\n%+v, %v", want, got, err)
	}
}

func TestANullIsLeftOut(t *testing.T) {
	d, err := wire.DictionaryOf(map[string]any{"a": nil, "b": []any{map[string]any{"c": nil, "d": 1}}})
	if err != nil || !reflect.DeepEqual(d, wire.Dictionary{"b": []any{wire.Dictionary{"d": 1.0}}}) {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := wire.DictionaryOf([]int{1}); err == nil {
		t.Error("a list is no dictionary")
	}
	if err := wire.FromDictionary(wire.Dictionary{"v": "text"}, &wire.Status{}); err == nil {
		t.Error("a text is no version")
	}
}

func TestWhatHoldsASecretHidesIt(t *testing.T) {
	for _, v := range []any{wire.SecretUpload{Key: []byte(secret)}, wire.IssuedPIN{PIN: secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, secret) || strings.Contains(text, "53 51 57") || strings.Contains(text, "0x35") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

// FuzzDictionaries hands every reader dictionaries of arbitrary shape: bytes
// that pick names and values, as a peer can send them.
func FuzzDictionaries(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03"))
	f.Add([]byte{8, 7, 8, 7, 6, 9, 1, 0, 3, 2, 11, 7, 8, 8, 8, 40, 41, 42})
	names := []string{"seq", "kind", "title", "text", "note", "level", "fields", "choices", "actions", "facts", "name", "label", "digits", "value",
		"id", "enabled", "reason", "role", "spoken", "number", "qr", "busy", "deadline", "action", "choice", "values", "result", "ticket", "uid", "allow"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := arbitrary(names, &raw, 3)
		for _, shape := range readers {
			_ = shape.read(d)
		}
		if s, err := wire.ScreenFrom(d); err == nil {
			if again, err := wire.ScreenFrom(s.Dictionary()); err != nil || !reflect.DeepEqual(again, s) {
				t.Fatalf("%+v comes back as %+v, %v", s, again, err)
			}
		}
		if a, err := wire.ActFrom(d); err == nil {
			if again, err := wire.ActFrom(a.Dictionary()); err != nil || !reflect.DeepEqual(again, a) {
				t.Fatalf("%+v comes back as %+v, %v", a, again, err)
			}
		}
	})
}

func take(raw *[]byte) int {
	if len(*raw) == 0 {
		return 0
	}
	b := (*raw)[0]
	*raw = (*raw)[1:]
	return int(b)
}

func arbitrary(names []string, raw *[]byte, depth int) wire.Dictionary {
	d := wire.Dictionary{}
	for range take(raw) % 32 {
		d[names[take(raw)%len(names)]] = value(names, raw, depth)
	}
	return d
}

func value(names []string, raw *[]byte, depth int) any {
	switch kind := take(raw) % 12; {
	case kind == 0:
		return take(raw)%2 == 0
	case kind == 1:
		return uint64(take(raw)) << (take(raw) % 64)
	case kind == 2:
		return int64(-take(raw))
	case kind == 3:
		return float64(take(raw))
	case kind == 4:
		return time.Unix(int64(take(raw)), 0).UTC()
	case kind == 5:
		return make([]byte, take(raw)%20)
	case kind == 6:
		return [16]byte{}
	case kind < 9 && depth > 0:
		return arbitrary(names, raw, depth-1)
	case kind < 11 && depth > 0:
		list := make([]any, take(raw)%40)
		for i := range list {
			list[i] = value(names, raw, depth-1)
		}
		return list
	}
	return strings.Repeat("x", take(raw)*take(raw)%5000)
}
