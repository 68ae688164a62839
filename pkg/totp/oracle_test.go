package totp

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	otptotp "github.com/pquerna/otp/totp"
	"pgregory.net/rapid"
)

// TestAgainstPquerna: another implementation makes the same codes and reads our
// URI back as it was meant.
func TestAgainstPquerna(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := Key{rapid.SliceOfN(rapid.Byte(), MinKeySize, MaxKeySize).Draw(t, "secret")}
		at := time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "at"), 0)
		theirs, err := otptotp.GenerateCode(k.base32(), at)
		if err != nil {
			t.Fatal(err)
		}
		if ours := k.Code(Step(at)); ours != theirs {
			t.Fatalf("at %d: ours %s, theirs %s", at.Unix(), ours, theirs)
		}
		issuer := rapid.StringMatching(`[a-zA-Z&+=?#/% ü✓]{0,12}[a-z]`).Draw(t, "issuer")
		account := rapid.StringMatching(`[a-zA-Z&+=?#/%@ ü✓]{0,12}[a-z]`).Draw(t, "account")
		issuer, account = strings.TrimSpace(issuer), strings.TrimSpace(account)
		read, err := otp.NewKeyFromURL(k.URI(issuer, account))
		if err != nil {
			t.Fatal(err)
		}
		if read.Issuer() != issuer || read.AccountName() != account || read.Secret() != k.base32() || read.Period() != 30 || read.Type() != "totp" {
			t.Fatalf("%s was read as issuer %q, account %q", k.URI(issuer, account), read.Issuer(), read.AccountName())
		}
	})
}

// TestAgainstOathtool: OATH Toolkit makes the same codes.
func TestAgainstOathtool(t *testing.T) {
	tool, err := exec.LookPath("oathtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("oathtool is missing; Debian's package is oathtool")
		}
		t.Skip("oathtool is not installed (Debian's package is oathtool)")
	}
	for i := range 20 {
		k := Key{[]byte(strings.Repeat(fmt.Sprintf("secret %02d ", i), 2+i%3))}
		unix := int64(i) * 99_999_971
		out, err := exec.Command(tool, "--totp", fmt.Sprintf("--now=@%d", unix), hex.EncodeToString(k.secret)).CombinedOutput()
		if err != nil {
			t.Fatalf("oathtool: %v: %s", err, out)
		}
		if theirs, ours := strings.TrimSpace(string(out)), k.Code(Step(time.Unix(unix, 0))); ours != theirs {
			t.Errorf("at %d: ours %s, theirs %s", unix, ours, theirs)
		}
	}
}
