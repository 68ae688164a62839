//go:build linux

package abitest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestThreads races the threads of the C side under the thread sanitizer, with
// a decider in C in the place of Go.
func TestThreads(t *testing.T) {
	need(t, "the thread sanitizer", sanitizer("thread"))
	library := artifact(t, "lifecycle-tsan.so", func(out string) *exec.Cmd {
		root := filepath.Join(repository(t), "plugin")
		return exec.Command("cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fsanitize=thread",
			"-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-o", out, filepath.Join(root, "lifecycle.c"),
			filepath.Join(root, "invocation.c"), filepath.Join(root, "abitest/decider/decider.c"))
	})
	h := drive(t, compile(t, "driver-tsan", "plugin/abitest/driver/*.c", "-fsanitize=thread"), library, t.TempDir())
	h.do("open 4")
	for round := range 20 {
		for n := range 16 {
			moment := (n*37 + round*211) % 3000 // microseconds
			h.do(fmt.Sprintf("create %d %s", n, []string{"gate", "prompt"}[n%2]),
				fmt.Sprintf("uid %d %02x%02x0000", n, moment%256, moment/256), fmt.Sprintf("invoke %d => invoked 0", n))
		}
		for n := range 16 {
			switch (n + round) % 4 {
			case 0:
				h.do(fmt.Sprintf("deactivate %d => deactivated 0", n))
			case 1:
				h.do(fmt.Sprintf("result %d 20", n))
			case 2:
				h.do(fmt.Sprintf("invoke %d", n)) // refused or not, as it happens
			}
			h.do(fmt.Sprintf("destroy %d => destroyed 0", n))
		}
	}
	h.do("close")
}
