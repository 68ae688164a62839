package desk

import "testing"

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.2.0", "1.2", false}, {"1.2", "1.2.0", false}, {"1.2", "1.2.1", true}, {"1.9", "1.10", true}, {"1.10", "1.9", false},
		{"v1.2", "1.3", true}, {"2", "1.99.99", false}, {"1.3.0-beta.1", "1.3", false}, {"1.2+build9", "1.3", true},
		{"dev", "0.1", true}, {"", "0.1", true}, {"0.0", "0", false}, {"1.x.3", "1.1", true}, {"99999999999999999999999", "1", true},
	} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("%q older than %q: %v", c.a, c.b, got)
		}
	}
}

// FuzzOlder: of two versions, which Macs report as they like, at most one is the
// older, and none is older than itself.
func FuzzOlder(f *testing.F) {
	f.Add("1.2.3", "1.10")
	f.Add("v0.0.0-dev", "")
	f.Add("..", "18446744073709551616")
	f.Fuzz(func(t *testing.T, a, b string) {
		if older(a, a) || older(a, b) && older(b, a) {
			t.Errorf("%q and %q are older than each other", a, b)
		}
	})
}
