package latchkey

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
	"testing/fstest"
)

// goroutines are the files that may start a goroutine by themselves, how many,
// and who waits for each. All else is run by an errgroup: who starts waits, and
// an error of one ends the others.
func goroutines() map[string]struct {
	count int
	why   string
} {
	type allowed = struct {
		count int
		why   string
	}
	return map[string]allowed{
		"internal/ctap/hid/device_darwin.go":      {2, "a device's run loop, which Close waits for; and a report that macOS may hold for longer than anyone waits"},
		"internal/device/macos/calls.go":          {1, "a call of macOS that may hang; its place is taken until it returns, and there are few"},
		"internal/device/xipc/client.go":          {1, "the reader of a connection ends with it; Close waits for it"},
		"internal/device/xipc/reconnecting.go":    {1, "drains the events of a connection that was given up, and ends with it"},
		"internal/device/session/conversation.go": {1, "a conversation's loop; the manager counts it and waits for it"},
		"plugin/mechanism/talk.go":                {2, "what is asked of the daemon and of the panel can hang, and the login window must not"},
		"plugin/panel/native/native.go":           {1, "draws; Close waits for it"},
		"plugin/panel/terminal/terminal.go":       {2, "keys and screens; Close waits for both"},
		"cmd/latchkey/enrol.go":                   {1, "reads the terminal, which cannot be cut short; ends with the process"},
		"internal/authhost/host.go":               {1, "the reader of a host process, which ends with it"},
		"internal/authhost/run.go":                {1, "the evaluation beside the player; Run waits for it"},
		"internal/authhost/builtin.go":            {1, "a person at the window, beside the hosts; canceled and waited for"},
		"internal/authhost/tty/terminal.go":       {2, "both directions of a pseudo-terminal; Close waits for them"},
	}
}

// started finds the go statements of a file. What an errgroup or a
// sync.WaitGroup starts has someone who waits.
func started(s source) (found []string) {
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if n, ok := n.(*ast.GoStmt); ok {
			found = append(found, s.at(n))
		}
		return true
	})
	return found
}

func unwatched(all []source) (broken []string) {
	allowed := goroutines()
	for _, s := range all {
		if s.test() || harness(s.path) {
			continue
		}
		found, may := started(s), allowed[s.path]
		delete(allowed, s.path)
		if len(found) > may.count {
			broken = append(broken, fmt.Sprintf("%s: %d goroutines are started here, %d may be: run it in the errgroup of who waits for it, or give goroutines() the reason", strings.Join(found, ", "), len(found), may.count))
		}
		if len(found) < may.count {
			broken = append(broken, fmt.Sprintf("%s: %d goroutines are started here: goroutines() still allows %d", s.path, len(found), may.count))
		}
	}
	for name := range allowed {
		broken = append(broken, name+": is not there any more: take it out of goroutines()")
	}
	return broken
}

// unguarded finds goroutines of the plug-in that a panic could leave: it would
// end a process of the system's, with the login window in it (design §9).
func unguarded(all []source) (broken []string) {
	for _, s := range all {
		if !strings.HasPrefix(s.path, "plugin/") || strings.HasPrefix(s.path, "plugin/panel/terminal/") || s.test() {
			continue // the terminal's panel is for machines that are not Macs
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			var begun ast.Node
			switch n := n.(type) {
			case *ast.GoStmt:
				begun = n.Call.Fun
			case *ast.CallExpr:
				if named(n.Fun, "time", "AfterFunc") || named(n.Fun, "context", "AfterFunc") {
					begun = n.Args[1]
				}
			}
			if begun != nil && !recovers(begun) {
				broken = append(broken, s.at(n)+": a goroutine of the plug-in without recover: begin it with a deferred one, in place")
			}
			return true
		})
	}
	return broken
}

func recovers(begun ast.Node) (found bool) {
	ast.Inspect(begun, func(n ast.Node) bool {
		if d, ok := n.(*ast.DeferStmt); ok {
			ast.Inspect(d, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok {
					if f, ok := c.Fun.(*ast.Ident); ok && f.Name == "recover" {
						found = true
					}
				}
				return true
			})
		}
		return true
	})
	return found
}

func TestPluginGoroutinesRecover(t *testing.T) {
	for _, finding := range unguarded(sources(t, osRoot())) {
		t.Error(finding)
	}
	for code, want := range map[string]int{"go f()": 1, "go func() { f() }()": 1, "time.AfterFunc(1, f)": 1, "go func() {\ndefer func() { _ = recover() }()\n}()": 0} {
		file := fstest.MapFS{"plugin/a.go": {Data: []byte("package a\n\nfunc f() {\n" + code + "\n}\n")}}
		if broken := unguarded(sources(t, file)); len(broken) != want {
			t.Errorf("%s: %q", code, broken)
		}
	}
}

// harness: what plays, breaks or measures the product ends with its process.
func harness(path string) bool {
	for _, folder := range []string{"internal/trial/", "internal/phonetest/", "demo/", "torture/", "bench/", "packaging/darwin/standin/"} {
		if strings.HasPrefix(path, folder) {
			return true
		}
	}
	return false
}

// TestGoroutinesHaveSomeoneWhoWaits: one that nobody waits for outlives its
// conversation, holds its secrets, and takes the daemon with it when it panics.
func TestGoroutinesHaveSomeoneWhoWaits(t *testing.T) {
	for _, finding := range unwatched(sources(t, osRoot())) {
		t.Error(finding)
	}
	broken := unwatched(sources(t, fstest.MapFS{"a.go": {Data: []byte("package a\n\nfunc f() {\n\tgo f()\n}\n")}}))
	if len(broken) != 1+len(goroutines()) || !strings.HasPrefix(broken[0], "a.go:4: 1 goroutines") {
		t.Errorf("a go statement elsewhere: %q", broken)
	}
}
