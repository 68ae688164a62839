package systemtool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/systemtool"
)

func tool(t *testing.T, script string) systemtool.Tool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	return systemtool.Tool{Path: path, Timeout: 20 * time.Second}
}

func TestWhatAToolPrints(t *testing.T) {
	out, said, err := tool(t, `cat; echo "YES (0)" >&2`).Run(t.Context(), []byte("<plist/>"), "authorizationdb", "read")
	if err != nil || string(out) != "<plist/>" || string(said) != "YES (0)\n" {
		t.Errorf("%q, %q, %v", out, said, err)
	}
}

func TestAToolHasNothingOfTheCallers(t *testing.T) {
	t.Setenv("DYLD_INSERT_LIBRARIES", "/tmp/x.dylib")
	out, _, err := tool(t, `env; pwd`).Run(t.Context(), nil)
	if err != nil || strings.Contains(string(out), "DYLD") || !strings.Contains(string(out), "PATH=/usr/bin:/bin:/usr/sbin:/sbin\n") || !strings.HasSuffix(string(out), "\n/\n") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestAToolThatDoesNotWork(t *testing.T) {
	_, _, err := tool(t, "printf 'NO (-60005)\\n\\033[31mred\\n' >&2; exit 7").Run(t.Context(), nil, "authorizationdb", "write")
	var failed *systemtool.FailedError
	if !errors.As(err, &failed) || failed.Code != 7 || err.Error() != "tool authorizationdb ended with 7: NO (-60005) [31mred" {
		t.Errorf("%v", err)
	}
	if _, _, err := tool(t, "head -c 2000000 /dev/zero").Run(t.Context(), nil); !errors.Is(err, systemtool.ErrTooMuch) {
		t.Errorf("much: %v", err)
	}
	if _, _, err := (systemtool.Tool{Path: "security", Timeout: time.Second}).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "not absolute") {
		t.Errorf("a name: %v", err)
	}
	if _, _, err := (systemtool.Tool{Path: "/nowhere/security", Timeout: time.Second}).Run(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestAToolThatHangs: it ends with all that it started, also with what holds its
// output open.
func TestAToolThatHangs(t *testing.T) {
	hangs := tool(t, "sleep 600 & echo $! > "+filepath.Join(t.TempDir(), "pid")+"; sleep 600")
	hangs.Timeout = 300 * time.Millisecond
	begin := time.Now()
	if _, _, err := hangs.Run(t.Context(), nil); !errors.Is(err, systemtool.ErrHung) {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it was waited for %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	hangs.Timeout = time.Minute
	if _, _, err := hangs.Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
