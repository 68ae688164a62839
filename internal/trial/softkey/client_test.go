package softkey_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
)

// python is one that has python-fido2, a client for security keys that was not
// written here: Debian's, or the first of the path.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import fido2.ctap2").Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("python-fido2 is not installed")
	}
	t.Skip("python-fido2 is not installed (make test installs it as root on Debian)")
	return ""
}

// What is played in tests is a key to others too: with both PIN protocols, with
// a PIN that they set and one that was there, with and without permissions.
func TestAnotherClientTakesItForAKey(t *testing.T) {
	python := python(t)
	for name, o := range map[string]softkey.Options{
		"without a PIN": {}, "with one": {PIN: "284917"}, "CTAP 2.0": {PIN: "284917", NoPermissions: true, Versions: []string{"FIDO_2_0"}},
	} {
		for _, protocol := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, protocol %d", name, protocol), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				key, err := softkey.Plug(dir, "key", o)
				if err != nil {
					t.Fatal(err)
				}
				defer key.Close()
				out, err := exec.CommandContext(t.Context(), python, "testdata/client.py", filepath.Join(dir, "key.sock"), fmt.Sprint(protocol), o.PIN).CombinedOutput()
				want := "retries 7 False\nretries 8 False\nmade\nsigned\nrefused\n"
				if o.PIN == "" {
					want = "set and changed\n" + want
				}
				if string(out) != want || err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
