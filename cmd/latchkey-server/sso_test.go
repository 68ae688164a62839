package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with single sign-on is said at the start, with its flag; a
// provider that is away is not wrong.
func TestServeChecksSingleSignOn(t *testing.T) {
	dir := t.TempDir()
	data, secret, open := filepath.Join(dir, "data"), filepath.Join(dir, "secret"), filepath.Join(dir, "open")
	for path, mode := range map[string]os.FileMode{secret: 0o600, open: 0o644} {
		if err := os.WriteFile(path, []byte("hidden\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if code := run(t.Context(), streams{out: io.Discard, err: io.Discard}, []string{"init", "--data", data}); code != 0 {
		t.Fatal(code)
	}
	serve := func(more ...string) []string {
		return append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"}, more...)
	}
	const issuer, id, role = "--sso-issuer=https://127.0.0.1:1", "--sso-client-id=c", "--sso-role=Desk=help-desk-admin"
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"no issuer":        {[]string{role}, "--sso-role is set, but --sso-issuer is not", exitUsage},
		"no client":        {[]string{issuer, role}, "--sso-client-id", exitUsage},
		"http":             {[]string{"--sso-issuer=http://idp.example.com", id, role}, "--sso-issuer", exitUsage},
		"no role":          {[]string{issuer, id}, "--sso-role: no group is mapped", exitUsage},
		"a mistyped role":  {[]string{issuer, id, "--sso-role=Desk=helpdesk"}, `--sso-role: "Desk=helpdesk": there is no role "helpdesk"`, exitUsage},
		"no second factor": {[]string{issuer, id, role, "--sso-second-factor="}, "--sso-second-factor is empty", exitUsage},
		"a scope":          {[]string{issuer, id, role, "--sso-scope=a b"}, "--sso-scope", exitUsage},
		"an open secret":   {[]string{issuer, id, role, "--sso-client-secret-file=" + open}, "chmod 600", exitFailed},
		"no secret":        {[]string{issuer, id, role, "--sso-client-secret-file=" + secret + "x"}, "--sso-client-secret-file", exitFailed},
		"no roots":         {[]string{issuer, id, role, "--sso-ca=" + secret}, "--sso-ca", exitFailed},
	} {
		var said strings.Builder
		if code := run(t.Context(), streams{out: io.Discard, err: &said}, serve(append(c.args, "--log-level=error")...)); code != c.code || !strings.Contains(said.String(), c.want) || strings.Contains(said.String(), "hidden") {
			t.Errorf("%s: exit code %d, want %d with %q: %s", name, code, c.code, c.want, said.String())
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, streams{out: out, err: io.Discard}, serve(issuer, id, role, "--sso-role=Night=custom-night", "--sso-client-secret-file="+secret))
	}()
	if line, err := bufio.NewReader(in).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready ") {
		t.Errorf("%q, %v", line, err)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
