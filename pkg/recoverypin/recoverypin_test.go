package recoverypin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func drawSecret(t *rapid.T, label string) Secret {
	return Secret(rapid.SliceOfN(rapid.Byte(), SecretSize, SecretSize).Draw(t, label))
}

func drawTime(t *rapid.T, label string) time.Time {
	return time.Unix(rapid.Int64Range(1_700_000_000, 4_000_000_000).Draw(t, label), 0).UTC()
}

// TestSlipsAreMistyped: each single wrong digit and each swap of neighbours, the
// errors of reading aloud, is told apart from a wrong PIN.
func TestSlipsAreMistyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pin := pinOf(rapid.Uint32Range(0, 99_999_999).Draw(t, "number"))
		for _, slip := range slips(pin.Digits()) {
			if _, err := ParsePIN(slip); !errors.Is(err, ErrMistyped) {
				t.Fatalf("%s typed as %s: %v", pin.Digits(), slip, err)
			}
		}
		random := strings.NewReader(string(rapid.SliceOfN(rapid.ByteRange(0, 249), 7, 7).Draw(t, "random")))
		code, err := NewDeviceCode(random)
		if err != nil {
			t.Fatal(err)
		}
		for _, slip := range slips(code.Digits()) {
			if _, err := ParseDeviceCode(slip); !errors.Is(err, ErrMistyped) {
				t.Fatalf("%s typed as %s: %v", code.Digits(), slip, err)
			}
		}
	})
}

func slips(digits string) []string {
	var out []string
	for i := range digits {
		for d := byte('0'); d <= '9'; d++ {
			if d != digits[i] {
				out = append(out, digits[:i]+string(d)+digits[i+1:])
			}
		}
		if i > 0 && digits[i] != digits[i-1] {
			out = append(out, digits[:i-1]+digits[i:i+1]+digits[i-1:i]+digits[i+1:])
		}
	}
	return out
}

// TestTimedWindow: a PIN is good from 30 s before to 150 s after its second,
// unless its second is void. Where another second has the same code by chance,
// that one may match instead, and must itself be good.
func TestTimedWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, issued := drawSecret(t, "secret"), drawTime(t, "issued")
		now := issued.Add(time.Duration(rapid.Int64Range(-200, 300).Draw(t, "later")) * time.Second)
		check := Check{Secrets: []Secret{k}, Now: now}
		if rapid.Bool().Draw(t, "void some") {
			check.VoidUpTo = now.Add(time.Duration(rapid.Int64Range(-200, 60).Draw(t, "void up to")) * time.Second)
		}
		age := now.Sub(issued)
		good := age >= -30*time.Second && age <= 150*time.Second && issued.After(check.VoidUpTo)
		m, ok := Verify(Timed(k, issued), check)
		switch {
		case good && !ok:
			t.Fatalf("refused %v after its issue", age)
		case ok && m.IssuedAt.Equal(issued) && !good:
			t.Fatalf("taken %v after its issue, void up to %v", age, check.VoidUpTo)
		case ok && (Timed(k, m.IssuedAt) != Timed(k, issued) || m.Method != ByTime || !m.IssuedAt.After(check.VoidUpTo)):
			t.Fatalf("matched as %+v", m)
		}
	})
}

// TestActivatesOnce: what an activation voids is refused from then on, by the
// rule of recovery-pin-v1 §5: all seconds up to now, and the one that matched.
func TestActivatesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, issued := drawSecret(t, "secret"), drawTime(t, "issued")
		now := issued.Add(time.Duration(rapid.Int64Range(-30, 150).Draw(t, "later")) * time.Second)
		pin := Timed(k, issued)
		first, ok := Verify(pin, Check{Secrets: []Secret{k}, Now: now})
		if !ok {
			t.Fatal("refused at first")
		}
		void := now
		if first.IssuedAt.After(void) {
			void = first.IssuedAt
		}
		again := now.Add(time.Duration(rapid.Int64Range(0, 400).Draw(t, "again")) * time.Second)
		if m, ok := Verify(pin, Check{Secrets: []Secret{k}, Now: again, VoidUpTo: void}); ok && !m.IssuedAt.After(void) {
			t.Fatalf("activated again as %+v", m)
		}
	})
}

// TestPendingSecret: while a secret is pending, its PINs and the current one's
// are both good, and the match says whose it was.
func TestPendingSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current, pending, other := drawSecret(t, "current"), drawSecret(t, "pending"), drawSecret(t, "other")
		now := drawTime(t, "now")
		code, err := NewDeviceCode(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		check := Check{Secrets: []Secret{current, pending}, Now: now, DeviceCode: code}
		for i, k := range check.Secrets {
			for method, pin := range map[Method]PIN{ByTime: Timed(k, now), ByDeviceCode: ForDeviceCode(k, code)} {
				if m, ok := Verify(pin, check); !ok || (m.Secret != i || m.Method != method) && current != pending && !collides(pin, check, m) {
					t.Fatalf("%v of secret %d: %+v, %v", method, i, m, ok)
				}
			}
		}
		if other == current || other == pending {
			return
		}
		if m, ok := Verify(Timed(other, now), check); ok && !collides(Timed(other, now), check, m) {
			t.Fatalf("another device's PIN matched as %+v", m)
		}
	})
}

// collides reports whether a match is real although it was not the one meant:
// two codes of 10^8 are the same by chance.
func collides(pin PIN, c Check, m Match) bool {
	if m.Method == ByDeviceCode {
		return ForDeviceCode(c.Secrets[m.Secret], c.DeviceCode) == pin
	}
	return Timed(c.Secrets[m.Secret], m.IssuedAt) == pin
}

func TestNothingToMatch(t *testing.T) {
	k, now := Secret{7}, time.Unix(1_800_000_000, 0)
	pin := Timed(k, now)
	code, err := NewDeviceCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	byCode := ForDeviceCode(k, code)
	cases := []struct {
		name  string
		pin   PIN
		check Check
		ok    bool
	}{
		{"a good one", pin, Check{Secrets: []Secret{k}, Now: now}, true},
		{"no secret", pin, Check{Now: now}, false},
		{"untrusted time", pin, Check{Secrets: []Secret{k}}, false},
		{"untrusted time, and its device code", byCode, Check{Secrets: []Secret{k}, DeviceCode: code}, true},
		{"no device code out", byCode, Check{Secrets: []Secret{k}}, false},
		{"the zero PIN", PIN{}, Check{Secrets: []Secret{k}, Now: now, DeviceCode: code}, false},
		{"a PIN with another check digit", PIN{[9]byte{pin.digits[0], pin.digits[1], pin.digits[2], pin.digits[3], pin.digits[4], pin.digits[5], pin.digits[6], pin.digits[7], '0' + (pin.digits[8]-'0'+1)%10}},
			Check{Secrets: []Secret{k}, Now: now}, false},
		{"a PIN with a letter", PIN{[9]byte{'a', '2', '3', '4', '5', '6', '7', '8', '9'}}, Check{Secrets: []Secret{k}, Now: now}, false},
		{"all void", pin, Check{Secrets: []Secret{k}, Now: now, VoidUpTo: now.Add(time.Hour)}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if m, ok := Verify(c.pin, c.check); ok != c.ok || !ok && m != (Match{}) {
				t.Errorf("%+v, %v", m, ok)
			}
		})
	}
}

// TestGroupedRoundTrip: what is read aloud can be typed back, with any spacing.
func TestGroupedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pin := pinOf(rapid.Uint32Range(0, 99_999_999).Draw(t, "number"))
		typed := ""
		for _, part := range strings.Split(pin.Grouped(), " ") {
			typed += rapid.SampledFrom([]string{"", " ", "-", " - "}).Draw(t, "spacing") + part
		}
		if got, err := ParsePIN(typed); err != nil || !got.Equal(pin) || got != pin {
			t.Fatalf("%q: %s, %v", typed, got.Digits(), err)
		}
		if len(pin.Grouped()) != 11 || len(pin.Digits()) != 9 {
			t.Fatalf("%q", pin.Grouped())
		}
	})
	code, err := ParseDeviceCode("6393 4920")
	if err != nil || code.Grouped() != "6393 4920" || code.Digits() != "63934920" || code.IsZero() || !(DeviceCode{}).IsZero() {
		t.Errorf("%v, %v", code, err)
	}
}

func TestNotACode(t *testing.T) {
	for _, typed := range []string{"", "53990279", "5399027920", "53990279a", "５３９９０２７９２", "539.902.792", "+39902792", "539\t902\t792", strings.Repeat(" ", 65) + "539902792"} {
		if p, err := ParsePIN(typed); !errors.Is(err, ErrNotACode) || p != (PIN{}) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{"", "6393492", "639349200", "6393492o"} {
		if c, err := ParseDeviceCode(typed); !errors.Is(err, ErrNotACode) || c != (DeviceCode{}) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestRotationProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, next, other := drawSecret(t, "old"), drawSecret(t, "next"), drawSecret(t, "other")
		proof := old.RotationProof(next)
		if !old.ProvesRotation(next, proof) {
			t.Fatal("a true proof is refused")
		}
		if other != old && other.ProvesRotation(next, proof) || other != next && old.ProvesRotation(other, proof) || old.ProvesRotation(next, proof[:16]) || old.ProvesRotation(next, nil) {
			t.Fatal("a false proof is taken")
		}
	})
}

func TestSecretsAreDrawnAndHidden(t *testing.T) {
	a, err := NewSecret(rand.Reader)
	b, err2 := NewSecret(rand.Reader)
	if err != nil || err2 != nil || a == b || a.KeyID() == b.KeyID() {
		t.Errorf("%v, %v, the same %v", err, err2, a == b)
	}
	broken := errors.New("no entropy")
	if _, err := NewSecret(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := NewDeviceCode(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	pin := pinOf(53990279)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, a); got != "[recovery secret]" {
			t.Errorf("%s shows %s", verb, got)
		}
		if got := fmt.Sprintf(verb, pin); got != "[recovery PIN]" {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}

// TestDeviceCodesAreEven: bytes that would favour small digits are drawn again.
func TestDeviceCodesAreEven(t *testing.T) {
	code, err := NewDeviceCode(strings.NewReader("\xff\xfa\x00\x01\xfb\x02\x03\x04\x05\xf9"))
	if err != nil || code.Digits()[:7] != "0123459" {
		t.Errorf("%s, %v", code.Digits(), err)
	}
}

// TestWhyTheseNumbers recomputes the figures of recovery-pin-v1.
func TestWhyTheseNumbers(t *testing.T) {
	const codes = 1e8
	live := int(Shown/time.Second) + 1 + 2*int(Skew/time.Second)
	if want := 181; live != want || Candidates != want {
		t.Errorf("%d live codes, Candidates %d; want 181", live, Candidates)
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"a guess":                               {float64(Candidates) / codes, 1.8e-6},
		"a guess while a secret is pending":     {2 * float64(Candidates) / codes, 3.6e-6},
		"ten guesses before the timed one ends": {10 * float64(Candidates) / codes, 1.8e-5},
	} {
		if c.got < c.want*0.99 || c.got > c.want*1.01 {
			t.Errorf("%s: %.3g, want %.2g", name, c.got, c.want)
		}
	}
	const nist = 100 * 1e-6
	if 10*float64(Candidates)/codes >= nist {
		t.Error("more than NIST SP 800-63B allows a throttled short secret")
	}
	first, last := liveSeconds(Check{Now: time.Unix(1_800_000_000, 0)})
	if int(last-first)+1 != Candidates || last-1_800_000_000 != 30 || 1_800_000_000-first != 150 {
		t.Errorf("live from %d to %d", first, last)
	}
}

// TestDammOfThesis: the example that recovery-pin-v1 names.
func TestDammOfThesis(t *testing.T) {
	if got := damm([]byte("572")); got != 4 {
		t.Errorf("check digit of 572 is %d, want 4", got)
	}
}

func FuzzParsePIN(f *testing.F) {
	for _, s := range []string{"539902792", "539 902 792", "539-902-792", "539902793", "", "５３９", "53990279\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := ParsePIN(typed)
		if err != nil {
			if p != (PIN{}) || !errors.Is(err, ErrNotACode) && !errors.Is(err, ErrMistyped) {
				t.Fatalf("%q: %v", typed, err)
			}
			return
		}
		if strings.NewReplacer(" ", "", "-", "").Replace(typed) != p.Digits() {
			t.Fatalf("%q was read as %s", typed, p.Digits())
		}
		if again, err := ParsePIN(p.Grouped()); err != nil || again != p {
			t.Fatalf("%q: %v", p.Grouped(), err)
		}
	})
}

func FuzzParseDeviceCode(f *testing.F) {
	for _, s := range []string{"63934920", "6393 4920", "63934921", "", "6393492"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := ParseDeviceCode(typed)
		if err != nil {
			if !c.IsZero() || !errors.Is(err, ErrNotACode) && !errors.Is(err, ErrMistyped) {
				t.Fatalf("%q: %v", typed, err)
			}
			return
		}
		if strings.NewReplacer(" ", "", "-", "").Replace(typed) != c.Digits() {
			t.Fatalf("%q was read as %s", typed, c.Digits())
		}
	})
}

func ExampleVerify() {
	k := Secret([]byte("a secret of a Mac and its server"))
	issued := time.Unix(1_800_000_000, 0)
	pin := Timed(k, issued)
	fmt.Println(pin.Grouped(), "and in a log:", pin)

	check := Check{Secrets: []Secret{k}, Now: issued.Add(time.Minute)}
	match, ok := Verify(pin, check)
	fmt.Println(match.Method, match.IssuedAt.Format(time.RFC3339), ok)

	check.VoidUpTo = check.Now // what an activation does
	_, ok = Verify(pin, check)
	fmt.Println("again:", ok)
	// Output:
	// 729 368 237 and in a log: [recovery PIN]
	// time 2027-01-15T08:00:00Z true
	// again: false
}

func ExampleParsePIN() {
	_, err := ParsePIN("539 902 729")
	fmt.Println(err)
	_, err = ParsePIN("539 902")
	fmt.Println(err)
	pin, err := ParsePIN("539-902-792")
	fmt.Println(pin.Digits(), err)
	// Output:
	// a digit is wrong or two are swapped
	// not the right number of digits
	// 539902792 <nil>
}
