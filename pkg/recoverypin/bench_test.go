package recoverypin

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"
	"time"
)

// missed is the check that takes longest: a wrong PIN while a secret is pending
// and a device code is out.
func missed(tb testing.TB) (PIN, Check) {
	tb.Helper()
	code, err := ParseDeviceCode("63934920")
	if err != nil {
		tb.Fatal(err)
	}
	return pinOf(57200000), Check{Secrets: []Secret{{1}, {2}}, Now: time.Unix(1_800_000_000, 0), DeviceCode: code}
}

// bareHMACs is the least that the same number of comparisons can cost: one
// HMAC-SHA-256 over as long a message, with the key set up once.
func bareHMACs(n int) (last byte) {
	h := hmac.New(sha256.New, make([]byte, SecretSize))
	message, sum := make([]byte, len(labelTime)+1+8), make([]byte, 0, sha256.Size)
	for range n {
		h.Reset()
		h.Write(message)
		last = h.Sum(sum)[0]
	}
	return last
}

// BenchmarkMiss reports how much longer a miss takes than its HMACs alone, as
// "x-bare-hmac".
func BenchmarkMiss(b *testing.B) {
	pin, check := missed(b)
	const hmacs = 2 * (Candidates + 1)
	var bare, whole time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		bareHMACs(hmacs)
		middle := time.Now()
		if _, ok := Verify(pin, check); ok {
			b.Fatal("a wrong PIN matched")
		}
		bare += middle.Sub(start)
		whole += time.Since(middle)
	}
	b.ReportMetric(float64(whole)/float64(bare), "x-bare-hmac")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(b.N), "ns/miss")
}
