package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// settings runs nothing: it is what the flags of serve hold once command line,
// environment and file were looked at.
func settings(t *testing.T, config string, args ...string) (flag func(name string) string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "latchkey.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{streams: streams{out: io.Discard, err: io.Discard}}
	root := p.root()
	serve, _, err := root.Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	serve.RunE = func(*cobra.Command, []string) error { return nil }
	root.SetArgs(append([]string{"serve", "--config", path}, args...))
	err = root.ExecuteContext(t.Context())
	return func(name string) string { return serve.Flags().Lookup(name).Value.String() }, err
}

// TestOneFileSetsTheServer: the command line goes before the environment, and
// that before the file.
func TestOneFileSetsTheServer(t *testing.T) {
	t.Setenv("LATCHKEY_LOG_LEVEL", "warn")
	t.Setenv("LATCHKEY_MIN_AGENT", "2.0.0")
	flag, err := settings(t, `
# a comment
listen = ":443"
tls-hosts = ["mfa.example.com", "192.0.2.1"]
accounts-per-hour = 30
check-in-every = "5m"
log-level = "debug"
min-agent = "1.0.0"
forward-whole = true
token-file = "of another command"
`, "--min-agent", "3.0.0")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"listen": ":443", "tls-hosts": "[mfa.example.com,192.0.2.1]", "accounts-per-hour": "30", "check-in-every": "5m0s", "log-level": "warn",
		"min-agent": "3.0.0", "forward-whole": "true", "device-listen": ":8444"} {
		if got := flag(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestWhatIsWrongInTheFileIsNamed(t *testing.T) {
	for config, want := range map[string]string{
		"listen = \":443\"\nlisten_device = \":444\"\n":   "latchkey.toml:2: listen_device is unknown",
		"\n\ndevice_listen = \":444\"":                    "latchkey.toml:3: device_listen is unknown: did you mean device-listen?",
		"accounts-per-hour = \"many\"":                    `latchkey.toml:1: accounts-per-hour = "many"`,
		"listen = ":                                       "line 1:",
		"tls-hosts = [1, 2]":                              "line 1: tls-hosts: want a list of texts",
		"[server]\nlisten = \":443\"":                     "line 1: server: want a text",
		"reason = \"of one command\"":                     "reason is unknown",
		"config = \"another\"":                            "config is unknown",
		"database = \"postgres://me:hidden@db/latchkey\"": "database holds a password",
	} {
		_, err := settings(t, config)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v, want %q", config, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "open.toml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, filepath.Join(t.TempDir(), "none.toml")} {
		var said strings.Builder
		if code := run(t.Context(), streams{out: io.Discard, err: &said}, []string{"serve", "--config", file}); code != exitUsage || !strings.Contains(said.String(), file) {
			t.Errorf("exit code %d: %s", code, said.String())
		}
	}
}

// TestTheSampleIsGood: the file that is installed is one that the server takes,
// and the unit starts it with it.
func TestTheSampleIsGood(t *testing.T) {
	sample, err := os.ReadFile("../../packaging/server/latchkey-server.toml")
	if err != nil {
		t.Fatal(err)
	}
	flag, err := settings(t, strings.ReplaceAll(string(sample), "# forward", "forward"))
	if err != nil || flag("public-url") != "https://mfa.example.com:8443" || flag("forward") != "[syslog+tls://siem.example.com:6514]" {
		t.Errorf("%v: %s, %s", err, flag("public-url"), flag("forward"))
	}
	unit, err := os.ReadFile("../../packaging/server/latchkey-server.service")
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/bin/latchkey-server serve --config /etc/latchkey-server.toml\n") {
		t.Errorf("%v: %s", err, unit)
	}
}

// FuzzConfig: a file is refused, or each of its keys has one text.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("listen = \":443\"\ntls-hosts = [\"a\", \"b\"]\n"))
	f.Add([]byte("[a.b]\nc = 1979-05-27T07:32:00Z"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := parseConfig(raw)
		if (keys == nil) != (err != nil) {
			t.Errorf("%q, %v", keys, err)
		}
		for key := range keys {
			_ = lineOf(raw, key)
		}
	})
}
