package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/directory"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"latchkey": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){"daemon": scriptDaemon}})
}

// scriptDaemon runs a real daemon with its sockets in $WORK/sockets, under the
// profile $WORK/profile.plist, with ada as its only account, who has begun a
// login.
func scriptDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	check := func(err error) { ts.Check(err) }
	prefs, sockets, accounts := ts.MkAbs("prefs"), ts.MkAbs("sockets"), ts.MkAbs("accounts.json")
	check(os.Mkdir(prefs, 0o755))
	check(os.Mkdir(sockets, 0o755))
	check(os.Mkdir(ts.MkAbs("files"), 0o755))
	check(os.WriteFile(filepath.Join(prefs, "com.okta.deviceaccess.servicedaemon.plist"), []byte(ts.ReadFile("profile.plist")), 0o644))
	check(devaccounts.Add(rand.Reader, accounts, devaccounts.Account{Name: "ada", UID: 501, GID: 20, GUID: "11111111-1111-1111-1111-111111111111", FullName: "Ada", Home: "/Users/ada"}, []byte("password")))
	found, err := directory.Open(accounts)
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	d, err := service.Open(ctx, service.Options{State: filepath.Join(ts.MkAbs("files"), "state"), Files: ts.MkAbs("files"), Sockets: sockets, ManagedPreferences: prefs,
		PollEvery: time.Minute, Clock: clocktest.New(), Machine: machine.Machine{UDID: "u", Serial: "S", Name: "Mac"}, Directory: found,
		Version: "1.2.3", Log: zap.NewNop()})
	check(err)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.Run(ctx, func() { close(ready) }) }()
	ts.Defer(func() { cancel(); <-done })
	select {
	case <-ready:
	case err := <-done:
		ts.Fatalf("the daemon ended: %v", err)
	}
}

// TestEveryErrorEndsWithAHint holds the promise of doc.go for every command.
func TestEveryErrorEndsWithAHint(t *testing.T) {
	nowhere := t.TempDir()
	for _, args := range [][]string{
		{"nothing"}, {"--nothing"}, {"status", "extra"}, {"status", "--nothing"}, {"factors", "nothing"}, {"factors", "remove", "ada"},
		{"factors", "list", "a", "b"}, {"doctor", "extra"}, {"uninstall", "extra"}, {"status", "--attribute", "extra"}, {"check-in", "extra"}, {"certificate"}, {"certificate", "extra"}, {"enrol", "extra"}, {"agent", "extra"},
		{"profile", "nothing"}, {"profile", "lint"}, {"profile", "lint", "--format", "xml", "a"}, {"profile", "lint", "--write", "a"}, {"profile", "new"}, {"profile", "new", "extra"},
		{"profile", "explain"}, {"profile", "diff", "a"}, {"profile", "convert", "a"}, {"profile", "convert", "--to", "none", "--out", "-", "a"},
		{"profile", "lint", nowhere}, {"profile", "explain", nowhere}, {"profile", "diff", nowhere, nowhere}, {"profile", "convert", "--to", "list", "--out", "-", nowhere},
		{"profile", "new", "--mdm", nowhere},
		{"--sockets", nowhere, "enrol"}, {"--sockets", nowhere, "status"}, {"--sockets", nowhere, "check-in"},
		{"--sockets", nowhere, "factors", "list"}, {"--sockets", nowhere, "factors", "remove", "ada", "id"},
		{"certificate", "--scep-url", "http://127.0.0.1:1", "--challenge-file", filepath.Join(nowhere, "none"), "--state", nowhere},
		{"certificate", "--scep-url", "http://127.0.0.1:1", "--ca", filepath.Join(nowhere, "none"), "--state", nowhere},
	} {
		var out, errs bytes.Buffer
		code := run(args, strings.NewReader(""), &out, &errs)
		want := exitUsage
		if slices.ContainsFunc(args, func(a string) bool { return a == nowhere }) {
			want = exitFailed
		}
		lines := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n")
		if code != want || out.Len() != 0 {
			t.Errorf("%q: exit %d, want %d; standard output %q", args, code, want, out.String())
		}
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "latchkey: error: ") || !strings.HasPrefix(lines[1], "latchkey: hint: ") {
			t.Errorf("%q: %q", args, errs.String())
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"factors"}, {"factors", "remove", "--help"}, {"--version"}} {
		var out, errs bytes.Buffer
		if code := run(args, strings.NewReader(""), &out, &errs); code != 0 || out.Len() == 0 || errs.Len() != 0 {
			t.Errorf("%q: exit %d, %q, %q", args, code, out.String(), errs.String())
		}
	}
}

func TestJSONIsOneDocument(t *testing.T) {
	var out bytes.Buffer
	if err := printJSON(&out, wire.Status{V: 1}); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%q, %v", out.String(), err)
	}
}
