package totp

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func TestMatchRules(t *testing.T) {
	k := rfcKey(t)
	const now = 1000
	at := time.Unix(now*30+17, 0)
	cases := []struct {
		name  string
		code  string
		at    time.Time
		drift int
		after uint64
		want  uint64
		ok    bool
	}{
		{"the step of now", k.Code(now), at, 0, 0, now, true},
		{"one step late", k.Code(now - 1), at, 1, 0, now - 1, true},
		{"one step early", k.Code(now + 1), at, 1, 0, now + 1, true},
		{"two steps late with a drift of one", k.Code(now - 2), at, 1, 0, 0, false},
		{"two steps early with a drift of one", k.Code(now + 2), at, 1, 0, 0, false},
		{"no drift allowed", k.Code(now - 1), at, 0, 0, 0, false},
		{"used before", k.Code(now), at, 1, now, 0, false},
		{"older than one that was used", k.Code(now - 1), at, 1, now, 0, false},
		{"newer than one that was used", k.Code(now + 1), at, 1, now, now + 1, true},
		{"everything used", k.Code(now + 1), at, 1, 1<<64 - 1, 0, false},
		{"not trimmed by Match", " " + k.Code(now)[1:], at, 1, 0, 0, false},
		{"too short", k.Code(now)[:5], at, 1, 0, 0, false},
		{"too long", k.Code(now) + "0", at, 1, 0, 0, false},
		{"empty", "", at, 1, 0, 0, false},
		{"negative drift", k.Code(now), at, -1, 0, 0, false},
		{"absurd drift", k.Code(now), at, MaxDrift + 1, 0, 0, false},
		{"before 1970", k.Code(0), time.Unix(-1, 0), 1, 0, 0, false},
		{"the first minute of 1970", k.Code(1), time.Unix(31, 0), MaxDrift, 0, 1, true},
		{"step 0 counts as used", k.Code(0), time.Unix(5, 0), 1, 0, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if step, ok := k.Match(c.code, c.at, c.drift, c.after); step != c.want || ok != c.ok {
				t.Errorf("step %d, %v; want %d, %v", step, ok, c.want, c.ok)
			}
		})
	}
}

// TestMatchProperty: a code matches exactly when its step is inside the drift
// and unused, and the step that comes back refuses it from then on. Two steps
// can share a code; then the later one may come back.
func TestMatchProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := Key{rapid.SliceOfN(rapid.Byte(), MinKeySize, MaxKeySize).Draw(t, "secret")}
		now := rapid.Uint64Range(MaxDrift, 1<<33).Draw(t, "now")
		drift := rapid.IntRange(0, MaxDrift).Draw(t, "drift")
		step := now - MaxDrift - 2 + rapid.Uint64Range(2, 2*MaxDrift+4).Draw(t, "step")
		after := now - MaxDrift + rapid.Uint64Range(0, 2*MaxDrift).Draw(t, "after")
		at := time.Unix(int64(now)*30+rapid.Int64Range(0, 29).Draw(t, "second"), 0)

		code := k.Code(step)
		got, ok := k.Match(code, at, drift, after)
		live := step+uint64(drift) >= now && step <= now+uint64(drift) && step > after
		if live && !ok {
			t.Fatalf("step %d at %d with drift %d after %d was refused", step, now, drift, after)
		}
		if !ok {
			return
		}
		if k.Code(got) != code || got <= after || got+uint64(drift) < now || got > now+uint64(drift) {
			t.Fatalf("step %d came back at %d with drift %d after %d", got, now, drift, after)
		}
		if again, ok := k.Match(code, at, drift, got); ok {
			t.Fatalf("replay taken as step %d", again)
		}
	})
}

func TestZeroKeyMatchesNothing(t *testing.T) {
	var k Key
	if k.Code(1) != "" || !k.IsZero() {
		t.Error("the zero key has a code")
	}
	empty := k.digits(1) // what an empty secret would give, which anyone can work out
	for _, code := range []string{"", "000000", string(empty[:])} {
		if _, ok := k.Match(code, time.Unix(31, 0), 1, 0); ok {
			t.Errorf("the zero key matched %q", code)
		}
	}
}

func TestParseCode(t *testing.T) {
	for typed, want := range map[string]string{
		"123456": "123456", "123 456": "123456", "123-456": "123456", " 1 2 3-4 5 6 ": "123456", "000000": "000000",
	} {
		if got, err := ParseCode(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "12345", "1234567", "12345x", "１２３４５６", "123\t456", "+23456", strings.Repeat(" ", 80) + "123456"} {
		if got, err := ParseCode(typed); !errors.Is(err, ErrNotACode) || got != "" {
			t.Errorf("%q: %q, %v; want ErrNotACode", typed, got, err)
		}
	}
}

func TestNewKey(t *testing.T) {
	a, err := NewKey(rand.Reader)
	if err != nil || len(a.Secret()) != KeySize {
		t.Fatalf("%d bytes, %v", len(a.Secret()), err)
	}
	if b, _ := NewKey(rand.Reader); bytes.Equal(a.Secret(), b.Secret()) {
		t.Error("two keys are the same")
	}
	broken := errors.New("no entropy")
	if k, err := NewKey(iotest.ErrReader(broken)); !errors.Is(err, broken) || !k.IsZero() {
		t.Errorf("with a broken source: %v, zero %v", err, k.IsZero())
	}
	if _, err := NewKey(strings.NewReader("short")); err == nil {
		t.Error("a short read made a key")
	}
}

func TestKeyFrom(t *testing.T) {
	for size, good := range map[int]bool{0: false, 15: false, 16: true, 20: true, 64: true, 65: false} {
		if _, err := KeyFrom(make([]byte, size)); (err == nil) != good || (err != nil && !errors.Is(err, ErrKeySize)) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	secret := []byte(rfcSecret)
	k, _ := KeyFrom(secret)
	secret[0] = 'x'
	k.Secret()[1] = 'x'
	if k.Code(0) != "755224" {
		t.Error("the key changed with the slice it was made from or gave out")
	}
}

func TestKeyHidesItself(t *testing.T) {
	k := rfcKey(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o"} {
		if got := fmt.Sprintf(verb, k); got != placeholder {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, struct{ K *Key }{&k}); strings.Contains(got, "1234") || strings.Contains(got, "49 50") {
			t.Errorf("%s in a struct prints %s", verb, got)
		}
	}
	if k.String() != placeholder {
		t.Error("String shows the key")
	}
}

func TestText(t *testing.T) {
	if got, want := rfcKey(t).Text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	odd, _ := KeyFrom([]byte(rfcSecret[:16]))
	if got, want := odd.Text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestURI(t *testing.T) {
	const tail = "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	const end = "&algorithm=SHA1&digits=6&period=30"
	cases := []struct{ issuer, account, want string }{
		{"Latchkey", "kim", "otpauth://totp/Latchkey:kim" + tail + "&issuer=Latchkey" + end},
		{"Acme & Söhne", "kim+mac@example.org", "otpauth://totp/Acme%20%26%20S%C3%B6hne:kim%2Bmac%40example.org" + tail + "&issuer=Acme%20%26%20S%C3%B6hne" + end},
		{"a:b?c=d#e/f", "x:y", "otpauth://totp/a%20b%3Fc%3Dd%23e%2Ff:x%3Ay" + tail + "&issuer=a%20b%3Fc%3Dd%23e%2Ff" + end},
		{"", "kim", "otpauth://totp/kim" + tail + end},
		{"line\nbreak\xff", "tab\t", "otpauth://totp/line%20break:tab" + tail + "&issuer=line%20break" + end},
	}
	for _, c := range cases {
		if got := rfcKey(t).URI(c.issuer, c.account); got != c.want {
			t.Errorf("URI(%q, %q)\n got %s\nwant %s", c.issuer, c.account, got, c.want)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"123456", "123 456", "-", "１２３４５６", "12345\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := ParseCode(typed)
		if err != nil {
			if !errors.Is(err, ErrNotACode) || code != "" {
				t.Fatalf("%q: %q, %v", typed, code, err)
			}
			return
		}
		if again, err := ParseCode(code); err != nil || again != code {
			t.Fatalf("%q was read as %q, and that as %q, %v", typed, code, again, err)
		}
		if strings.Trim(strings.NewReplacer(" ", "", "-", "").Replace(typed), "0123456789") != "" {
			t.Fatalf("%q was taken", typed)
		}
	})
}

func ExampleKey_Match() {
	key, _ := KeyFrom([]byte(rfcSecret))
	at := time.Unix(1234567890, 0)
	step, ok := key.Match("005924", at, 1, 0)
	fmt.Println(step, ok)
	_, ok = key.Match("005924", at, 1, step)
	fmt.Println("again:", ok)
	// Output:
	// 41152263 true
	// again: false
}
