package recoverypin

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// vector is one row of the published vectors (recovery-pin-v1, "Vectors").
type vector struct {
	Secret       string `json:"secret"`
	IssuedAt     int64  `json:"issued_at"`
	PIN          string `json:"pin"`
	Challenge    string `json:"challenge"`
	ChallengePIN string `json:"challenge_pin"`
}

// TestVectors reads our file and, for implementations that check theirs
// against ours, the one that RECOVERY_PIN_VECTORS names.
func TestVectors(t *testing.T) {
	files := []string{"../../testdata/vectors/recovery-pin-v1.json"}
	if more := os.Getenv("RECOVERY_PIN_VECTORS"); more != "" {
		files = append(files, more)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		if err := json.Unmarshal(raw, &vectors); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(vectors) == 0 {
			t.Fatalf("%s: no vectors", file)
		}
		for i, v := range vectors {
			checkVector(t, file, i, v)
		}
	}
}

func checkVector(t *testing.T, file string, i int, v vector) {
	t.Helper()
	raw, err := hex.DecodeString(v.Secret)
	if err != nil || len(raw) != SecretSize {
		t.Fatalf("%s: vector %d: secret is not %d bytes of hex", file, i, SecretSize)
	}
	k := Secret(raw)
	if got := Timed(k, time.Unix(v.IssuedAt, 0)).Digits(); got != v.PIN {
		t.Errorf("%s: vector %d: timed PIN %s, want %s", file, i, got, v.PIN)
	}
	code, err := ParseDeviceCode(v.Challenge)
	if err != nil {
		t.Fatalf("%s: vector %d: device code %s: %v", file, i, v.Challenge, err)
	}
	if got := ForDeviceCode(k, code).Digits(); got != v.ChallengePIN {
		t.Errorf("%s: vector %d: device-code PIN %s, want %s", file, i, got, v.ChallengePIN)
	}
}
