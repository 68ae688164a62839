package totp

import (
	"testing"
	"time"
)

// rfcSecret is the secret of RFC 4226 appendix D and of the SHA-1 rows of RFC
// 6238 appendix B.
const rfcSecret = "12345678901234567890"

func rfcKey(t testing.TB) Key {
	t.Helper()
	k, err := KeyFrom([]byte(rfcSecret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRFC4226Vectors(t *testing.T) {
	k := rfcKey(t)
	for step, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := k.Code(uint64(step)); got != want {
			t.Errorf("code of step %d: %s, want %s", step, got, want)
		}
	}
}

// TestRFC6238Vectors: the RFC prints eight digits; six are its last six.
func TestRFC6238Vectors(t *testing.T) {
	k := rfcKey(t)
	for unix, eight := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
		1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		at := time.Unix(unix, 0)
		if got := k.Code(Step(at)); got != eight[2:] {
			t.Errorf("code at %d: %s, want %s", unix, got, eight[2:])
		}
		if step, ok := k.Match(eight[2:], at, 0, 0); !ok || step != uint64(unix)/30 {
			t.Errorf("match at %d: step %d, %v; want step %d", unix, step, ok, unix/30)
		}
	}
}
