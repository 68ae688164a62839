package authhost

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// transcript prints each step for a person. It is given names of values only.
type transcript struct {
	mu  sync.Mutex
	out io.Writer
}

func (t *transcript) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A transcript that cannot be written must not change the evaluation.
	_, _ = fmt.Fprintf(t.out, format+"\n", args...)
}

// step prints what a mechanism did.
func (t *transcript) step(index int, name, by string, result Result, changes ...string) {
	line := fmt.Sprintf("%3d  %-34s %-28s %s", index, name, by, result)
	for _, c := range changes {
		if c != "" {
			line += "  " + c
		}
	}
	t.line("%s", strings.TrimRight(line, " "))
}

func changed(kind, names string) string {
	if names == "" {
		return ""
	}
	return kind + ": " + names
}
