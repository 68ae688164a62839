package xipc

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// values draws any value that can be sent.
func values(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) }).AsAny(),
		rapid.Map(rapid.Int64(), func(ns int64) time.Time { return time.Unix(0, ns).UTC() }).AsAny(),
		rapid.SliceOfN(rapid.Byte(), 0, 40).AsAny(), rapid.StringN(0, 20, 80).AsAny(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) [16]byte { return [16]byte(b) }).AsAny(),
	}
	if depth > 0 {
		kinds = append(kinds, rapid.SliceOfN(values(depth-1), 0, 4).AsAny(), dictionaries(depth-1).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func dictionaries(depth int) *rapid.Generator[wire.Dictionary] {
	return rapid.MapOfN(rapid.StringN(0, 12, 48), values(depth), 0, 5)
}

func TestWhatIsSentArrives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := frame{kind: kind(rapid.IntRange(1, 4).Draw(t, "kind")), id: rapid.Uint32().Draw(t, "id"),
			name: rapid.StringN(0, 10, 40).Draw(t, "name"), body: dictionaries(3).Draw(t, "body")}
		raw, err := sent.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := sent.encode()
		if !bytes.Equal(raw, again) {
			t.Fatal("two encodings of one message differ")
		}
		got, err := decodeFrame(raw[lengthSize:])
		if err != nil || !reflect.DeepEqual(got, sent) {
			t.Fatalf("sent %#v\n got %#v, %v", sent, got, err)
		}
	})
}

func TestScreensArriveWhole(t *testing.T) {
	want := wire.Screen{Seq: 7, Kind: wire.KindPIN, Title: "Türe", Text: "t", Note: &wire.Note{Level: wire.LevelError, Text: "n"},
		Fields:  []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "PIN", Digits: 9}},
		Choices: []wire.Choice{{ID: "a", Label: "A", Reason: "offline"}}, Actions: []wire.Action{{ID: "back", Label: "Back", Role: "cancel"}},
		Facts: []wire.Fact{{Label: "Serial", Value: "X", Spoken: "x"}}, Number: "42", QR: "otpauth://", Busy: true,
		Deadline: time.Unix(1700000000, 5).UTC()}
	raw, err := frame{kind: kindEvent, name: wire.MsgScreen, body: want.Dictionary()}.encode()
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodeFrame(raw[lengthSize:])
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ScreenFrom(f.body)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// message is a frame's bytes after the length, with the given dictionary bytes.
func message(dictionary string) []byte { return []byte("\x01\x00\x00\x00\x01\x01n" + dictionary) }

func TestDecoderIsStrict(t *testing.T) {
	deep := strings.Repeat("m\x00\x00\x00\x01\x01k", MaxDepth+1) + "b\x01"
	many := "m\x00\x00\x00\x01\x01ka\x00\x00\x20\x00" + strings.Repeat("b\x00", 0x2000)
	cases := []struct{ name, dictionary, want string }{
		{"empty", "", "wanted"},
		{"no dictionary", "b\x01", "without a dictionary"},
		{"bytes after the end", "m\x00\x00\x00\x00!", "after the end"},
		{"key twice", "m\x00\x00\x00\x02\x01kb\x00\x01kb\x00", "out of order or twice"},
		{"keys out of order", "m\x00\x00\x00\x02\x01lb\x00\x01kb\x00", "out of order or twice"},
		{"empty key twice", "m\x00\x00\x00\x02\x00b\x00\x00b\x00", "out of order or twice"},
		{"key not UTF-8", "m\x00\x00\x00\x01\x01\xffb\x00", "UTF-8"},
		{"text not UTF-8", "m\x00\x00\x00\x01\x01ks\x00\x00\x00\x01\xff", "UTF-8"},
		{"a third truth value", "m\x00\x00\x00\x01\x01kb\x02", "truth value"},
		{"not a number", "m\x00\x00\x00\x01\x01kf\x7f\xf8\x00\x00\x00\x00\x00\x01", "not a number"},
		{"unknown kind", "m\x00\x00\x00\x01\x01kz\x00", "unknown kind of value"},
		{"announces more than there is", "m\x00\x00\x00\x01\x01ks\xff\xff\xff\xff", "announced"},
		{"array announces more", "m\x00\x00\x00\x01\x01ka\x00\x00\xff\xff", "announced"},
		{"dictionary announces more", "m\xff\xff\xff\xff", "announced"},
		{"short id", "m\x00\x00\x00\x01\x01kU123", "wanted"},
		{"too deep", deep, "deeper"},
		{"too many", many, "more than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := decodeFrame(message(c.dictionary))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	if _, err := decodeFrame([]byte("\x09\x00\x00\x00\x01\x01nm\x00\x00\x00\x00")); err == nil {
		t.Error("an unknown kind of message was taken")
	}
}

func TestEncoderRefuses(t *testing.T) {
	deep := wire.Dictionary{}
	for range MaxDepth {
		deep = wire.Dictionary{"k": deep}
	}
	cases := []struct {
		name string
		body wire.Dictionary
		want string
	}{
		{"a kind that nobody reads", wire.Dictionary{"when": 7 * time.Second}, `field "when": a time.Duration`},
		{"an int, whose size is not said", wire.Dictionary{"n": 1}, `field "n": a int`},
		{"nothing", wire.Dictionary{"n": nil}, `field "n"`},
		{"not UTF-8", wire.Dictionary{"s": "\xff"}, "not UTF-8"},
		{"NaN", wire.Dictionary{"f": math.NaN()}, "not a number"},
		{"year 1", wire.Dictionary{"t": time.Time{}}, "1678"},
		{"too deep", deep, "deeper"},
		{"too many", wire.Dictionary{"a": make([]any, 0), "b": manyBools()}, "more than"},
		{"too long", wire.Dictionary{"d": make([]byte, MaxFrame)}, "at most 65536"},
		{"a long key", wire.Dictionary{strings.Repeat("k", 256): true}, "at most 255"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := frame{kind: kindEvent, name: "e", body: c.body}.encode()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func manyBools() []any {
	out := make([]any, MaxValues)
	for i := range out {
		out[i] = true
	}
	return out
}

// FuzzFrame: whatever is taken is written again byte for byte, so no two
// messages mean the same.
func FuzzFrame(f *testing.F) {
	seeds := []frame{
		{kind: kindRequest, id: 1, name: wire.MsgHello, body: Hello{V: 1, Role: "prompt", Locales: []string{"de", "en"}}.dictionary()},
		{kind: kindEvent, name: wire.MsgScreen, body: wire.Screen{Seq: 1, Kind: wire.KindCode, Fields: []wire.Field{{Name: "code"}}}.Dictionary()},
		{kind: kindFailure, id: 3, name: "internal", body: wire.Dictionary{"message": "m"}},
		{kind: kindReply, id: 9, name: "x", body: wire.Dictionary{"u": [16]byte{1}, "f": 1.5, "t": time.Unix(5, 6), "d": []byte{0}, "i": int64(-1)}},
	}
	for _, s := range seeds {
		raw, err := s.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[lengthSize:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > MaxFrame {
			return
		}
		got, err := decodeFrame(payload)
		if err != nil {
			return
		}
		raw, err := got.encode()
		if err != nil || !bytes.Equal(raw[lengthSize:], payload) {
			t.Fatalf("%x came back as %x, %v", payload, raw, err)
		}
	})
}

// FuzzHello: what is taken stays within its bounds, whatever a stranger says.
func FuzzHello(f *testing.F) {
	for _, h := range []Hello{{V: 1, Role: wire.RolePrompt}, {V: 9, Role: wire.RoleGate, Locales: []string{"de-AT", ""}}} {
		raw, err := frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: h.dictionary()}.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[lengthSize:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		first, err := decodeFrame(payload)
		if err != nil {
			return
		}
		h, err := helloFrom(first, wire.RolePrompt)
		if err != nil {
			return
		}
		if h.V == 0 || agree(h.V) > wire.Version || h.Role != wire.RolePrompt || len(h.Locales) > maxLocales {
			t.Errorf("took %+v", h)
		}
	})
}
