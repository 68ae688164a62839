package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeForwards: what an administrator does reaches the receiver that the
// server was told of, from the first event on, and again after a restart from
// where it was.
func TestServeForwards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	command := func(args ...string) {
		t.Helper()
		var said strings.Builder
		if code := run(t.Context(), streams{out: &said, err: &said}, append(args, "--data", dir)); code != 0 {
			t.Fatalf("%q: %s", args, said.String())
		}
	}
	command("init")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	received := make(chan string, 16)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			raw, _ := io.ReadAll(conn)
			conn.Close()
			received <- string(raw)
		}
	}()
	for _, login := range []string{"first@example.com", "second@example.com"} {
		ctx, stop := context.WithCancel(t.Context())
		in, out := io.Pipe()
		ended := make(chan int)
		go func() {
			ended <- run(ctx, streams{out: out, err: io.Discard}, []string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0",
				"--forward", "syslog+tcp://" + l.Addr().String(), "--forward-whole"})
		}()
		if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		command("admin", "create", "--login", login, "--name", "N", "--role", "super-admin")
		got := ""
		for !strings.Contains(got, login) {
			got += <-received
		}
		if strings.Count(got, `type="user.lifecycle.create"`) != 1 || strings.Contains(got, "first@example.com") == strings.Contains(got, "second@example.com") {
			t.Errorf("received %s", got)
		}
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d", code)
		}
		in.Close()
	}
}

// TestForwardingThatIsWrong: the server does not start, and says which entry,
// without what is secret of it.
func TestForwardingThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	data, short, empty, open := filepath.Join(dir, "data"), filepath.Join(dir, "short"), filepath.Join(dir, "empty"), filepath.Join(dir, "open")
	for path, text := range map[string]string{short: "short\n", empty: "no certificate"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(open, []byte("a secret of webhooks"), 0o600), os.Chmod(open, 0o644)); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), streams{out: io.Discard, err: io.Discard}, []string{"init", "--data", data}); code != 0 {
		t.Fatal(code)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no scheme":                     {[]string{"--forward", "siem.example:514"}, "entry 1"},
		"no TLS":                        {[]string{"--forward", "syslog+udp://a.example,http://b.example/?key=hidden"}, "entry 2"},
		"no secret":                     {[]string{"--forward", "https://b.example/?key=hidden"}, "16 bytes"},
		"a short secret":                {[]string{"--forward", "https://b.example/", "--forward-secret-file", short}, "16 bytes"},
		"a missing secret":              {[]string{"--forward", "https://b.example/", "--forward-secret-file", filepath.Join(dir, "none")}, "none"},
		"roots of nothing":              {[]string{"--forward", "syslog+tls://b.example", "--forward-ca", empty}, "holds no certificate"},
		"twice":                         {[]string{"--forward", "syslog+tls://b.example,syslog+tls://b.example:6514"}, "named twice"},
		"a secret that others can read": {[]string{"--forward", "https://b.example/", "--forward-secret-file", open}, "open to others"},
	} {
		// An address with a query stands in the environment: as a flag it would be
		// seen by every user of the machine.
		t.Setenv("LATCHKEY_FORWARD", "")
		if strings.Contains(tt.args[1], "hidden") {
			var said strings.Builder
			if code := run(t.Context(), streams{out: io.Discard, err: &said}, append([]string{"serve", "--data", data}, tt.args...)); code != exitUsage || !strings.Contains(said.String(), "list of processes") || strings.Contains(said.String(), "hidden") {
				t.Errorf("%s: exit code %d, %s", name, code, said.String())
			}
			t.Setenv("LATCHKEY_FORWARD", tt.args[1])
			tt.args = tt.args[2:]
		}
		var said strings.Builder
		code := run(t.Context(), streams{out: io.Discard, err: &said}, append([]string{"serve", "--data", data}, tt.args...))
		if code == 0 || !strings.Contains(said.String(), tt.want) || strings.Contains(said.String(), "hidden") {
			t.Errorf("%s: exit code %d, %s", name, code, said.String())
		}
	}
}
