package ctap_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// emulated plugs in an authenticator that was not written here:
// nid-webauthn-emulator, which .ci/prepare brings from npm. It makes keys of
// one algorithm, and verifies its user or not.
func emulated(t *testing.T, verifies bool, algorithm string) *ctap.Key {
	t.Helper()
	module, err := filepath.Abs("../../.cache/node_modules/nid-webauthn-emulator")
	if err == nil {
		_, err = os.Stat(module)
	}
	node := ""
	if err == nil {
		node, err = exec.LookPath("node")
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("nid-webauthn-emulator is not installed: %v", err)
	}
	if err != nil {
		t.Skipf("nid-webauthn-emulator is not installed (make test installs it as root on Debian): %v", err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), node, "testdata/emulator.cjs", module, filepath.Join(dir, "key.sock"), fmt.Sprint(verifies), algorithm)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the emulator says %q, %v", line, err)
	}
	return openIn(t, dir, "key.sock")
}

// Enrolling and signing in with another's authenticator: for each algorithm,
// with a user who is verified and one who is not.
func TestAnotherAuthenticator(t *testing.T) {
	for name, kind := range map[string]struct {
		algorithm int
		verifies  bool
	}{"ES256": {ctap.ES256, true}, "RS256": {ctap.RS256, true}, "EdDSA": {ctap.EdDSA, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := emulated(t, kind.verifies, name)
			info := key.Info()
			if !slices.Equal(info.Versions, []string{"FIDO_2_0"}) || info.UVConfigured != kind.verifies || info.PINSet || string(info.AAGUID[:]) != "NID-AUTH-3141592" {
				t.Errorf("%+v", info)
			}
			n := newCredential(nil, kind.verifies)
			n.Algorithms = []int{ctap.ES256, ctap.EdDSA, ctap.RS256}
			made, err := key.MakeCredential(t.Context(), n, nil)
			if err != nil {
				t.Fatal(err)
			}
			if made.Format != "none" || made.UserVerified != kind.verifies {
				t.Errorf("%+v", made)
			}
			enrolled := ctap.Enrolled{RPID: rpID, CredentialID: made.ID, PublicKey: made.PublicKey, Counter: made.Counter}
			strange := bytes.Repeat([]byte{9}, 32)
			for range 2 {
				// A list of two is asked for one by one: the emulator does not
				// say how many it takes.
				w := wanted(nil, strange, made.ID)
				w.UV = kind.verifies
				signed, err := key.GetAssertion(t.Context(), w, nil)
				if err != nil {
					t.Fatal(err)
				}
				counter, err := ctap.Verify(signed, enrolled, clientData(), kind.verifies)
				if err != nil || counter <= enrolled.Counter {
					t.Errorf("counter %d after %d, %v", counter, enrolled.Counter, err)
				}
				if _, err := ctap.Verify(signed, enrolled, clientData(), true); errors.Is(err, ctap.ErrNotVerified) == kind.verifies {
					t.Errorf("verified user: %v", err)
				}
				enrolled.Counter = counter
			}
			refusals(t, key, n, made.ID, strange)
		})
	}
}

// refusals of a key, by what they mean.
func refusals(t *testing.T, key *ctap.Key, n ctap.NewCredential, mine, strange []byte) {
	t.Helper()
	n.Exclude = [][]byte{mine}
	if _, err := key.MakeCredential(t.Context(), n, nil); !errors.Is(err, ctap.ErrExcluded) {
		t.Errorf("excluded: %v", err)
	}
	if _, err := key.GetAssertion(t.Context(), wanted(nil, strange), nil); !errors.Is(err, ctap.ErrNoCredential) {
		t.Errorf("another's credential: %v", err)
	}
	if _, err := key.GetAssertion(t.Context(), wanted(nil, bytes.Repeat([]byte{9}, 1020)), nil); !errors.Is(err, ctap.ErrUnable) {
		t.Errorf("a request that is longer than the key takes: %v", err)
	}
	elsewhere := wanted(nil, mine)
	elsewhere.RPID = "elsewhere.example.com"
	if _, err := key.GetAssertion(t.Context(), elsewhere, nil); !errors.Is(err, ctap.ErrNoCredential) {
		t.Errorf("another relying party: %v", err)
	}
	var status *ctap.StatusError
	if err := key.Select(t.Context(), nil); errors.As(err, &status) {
		t.Errorf("chosen by a touch: %v", err)
	}
	if _, err := key.UnlockPIN(t.Context(), pin, ctap.PermitGetAssertion, rpID); !errors.Is(err, ctap.ErrPINNotSet) {
		t.Errorf("a PIN: %v", err)
	}
}
