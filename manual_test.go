package latchkey

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// program is a binary as it is released, and where it is described.
type program struct {
	name, folder string
	page         string // below docs/
	section      string // heading, or "" for the whole page
	prefix       string // how the page writes its commands: "latchkey ", or ""
}

func programs() []program {
	return []program{
		{"latchkeyd", "./cmd/latchkeyd", "commands.md", "latchkeyd", ""},
		{"latchkey", "./cmd/latchkey", "commands.md", "latchkey", "latchkey "},
		{"latchkey-server", "./cmd/latchkey-server", "operations.md", "", ""},
		{"authhost", "./cmd/authhost", "authhost.md", "", "authhost "},
		{"demo", "./demo", "commands.md", "demo", "demo "},
	}
}

// release builds every program as the Makefile does, for this machine.
func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-trimpath", "-o", dir}
	for _, p := range programs() {
		args = append(args, p.folder)
	}
	goCommand(t, nil, args...)
	return dir
}

// described is a command of a program, as its --help tells it.
type described struct {
	path  string            // without the program's name: "factors list", or ""
	flags map[string]string // default by name, "" for none
	leaf  bool
}

// help goes through a program's commands.
func help(t *testing.T, binary string, path ...string) []described {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, append(slices.Clone(path), "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q --help: %v\n%s", binary, path, err, out)
	}
	me := described{path: strings.Join(path, " "), flags: map[string]string{}, leaf: true}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(?:    )?--([a-z][a-z-]*)(.*)$`).FindAllStringSubmatch(string(out), -1) {
		preset := regexp.MustCompile(`\(default "?([^"]*?)"?\)$`).FindStringSubmatch(m[2])
		me.flags[m[1]] = ""
		if preset != nil {
			me.flags[m[1]] = preset[1]
		}
	}
	found := []described{}
	_, list, _ := strings.Cut(string(out), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) `).FindAllStringSubmatch(list, -1) {
		if m[1] != "help" && m[1] != "completion" {
			found = append(found, help(t, binary, append(slices.Clone(path), m[1])...)...)
			me.leaf = false
		}
	}
	return append(found, me)
}

// about is the part of a page that describes a program.
func (p program) about(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("docs", p.page))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if p.section == "" {
		return text
	}
	_, text, there := strings.Cut(text, "\n## "+p.section+"\n")
	if !there {
		t.Fatalf("docs/%s has no section %q", p.page, p.section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// own are the flags that every program has from its library.
func own(flag string) bool { return flag == "help" || flag == "version" }

// TestManual: every command and flag is described with its default, and what is
// described exists.
func TestManual(t *testing.T) {
	dir := release(t)
	flags, commands := map[string]bool{}, map[string]bool{}
	for _, p := range programs() {
		page, rows := p.about(t), map[string]string{}
		for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)[^`|]*` \\|(.*)$").FindAllStringSubmatch(page, -1) {
			rows[m[1]] += m[2]
		}
		undescribed := map[string]bool{}
		for row := range rows {
			undescribed[row] = true
		}
		for _, c := range help(t, filepath.Join(dir, p.name)) {
			commands[strings.TrimSpace(p.name+" "+c.path)] = true
			if c.leaf && c.path != "" && !strings.Contains(page, "`"+p.prefix+c.path) {
				t.Errorf("docs/%s does not tell of `%s %s`: add a row", p.page, p.name, c.path)
			}
			for flag, preset := range c.flags {
				flags[flag] = true
				delete(undescribed, flag)
				row, there := rows[flag]
				switch host, _ := os.Hostname(); {
				case own(flag):
				case !there && !regexp.MustCompile("--"+flag+`\b[^-]`).MatchString(page):
					t.Errorf("docs/%s does not tell of --%s of `%s %s`: add a row", p.page, flag, p.name, c.path)
				case there && preset != "" && preset != host && preset != "-" && !strings.Contains(row, "`"+preset+"`"):
					t.Errorf("docs/%s: the row of --%s does not name its default `%s`", p.page, flag, preset)
				}
			}
		}
		for flag := range undescribed {
			t.Errorf("docs/%s has a row for --%s, which %s does not have", p.page, flag, p.name)
		}
	}
	noInvention(t, flags, commands)
}

// noInvention: what any page says to type can be typed.
func noInvention(t *testing.T, flags, commands map[string]bool) {
	t.Helper()
	code := regexp.MustCompile("(?s)```[a-z]*\n.*?```|`[^`\n]+`")
	flag := regexp.MustCompile(`(?:^|[\s"'` + "`" + `])--([a-z][a-z-]+)`)
	typed := regexp.MustCompile(`(?m)(?:^|\$ |` + "`" + `|bin/demo/|sudo )(latchkey|latchkey-server|latchkeyd|authhost) ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?`)
	for page, raw := range documents(t) {
		for _, text := range code.FindAllString(raw, -1) {
			for _, m := range flag.FindAllStringSubmatch(text, -1) {
				if !flags[m[1]] {
					t.Errorf("%s tells of --%s, which no program has", page, m[1])
				}
			}
			for _, m := range typed.FindAllStringSubmatch(text, -1) {
				if !commands[m[1]+" "+m[2]] && notYet(page)[m[1]+" "+m[2]] == "" {
					t.Errorf("%s tells of `%s %s`, which is no command", page, m[1], m[2])
				} else if path := m[1] + " " + m[2]; isGroup(commands, path) && m[3] != "" && !commands[path+" "+m[3]] {
					t.Errorf("%s tells of `%s %s`, which is no command", page, path, m[3])
				}
			}
		}
	}
}

func isGroup(commands map[string]bool, path string) bool {
	for c := range commands {
		if strings.HasPrefix(c, path+" ") {
			return true
		}
	}
	return false
}

// notYet are commands that a page says are not there.
func notYet(page string) map[string]string {
	return map[string]map[string]string{
		"docs/limits.md": {"latchkey login-right": "listed among what is not built yet"},
	}[page]
}

// TestTheReleaseIsClean: no release build holds the movable clock (design §7),
// or where it was built.
func TestTheReleaseIsClean(t *testing.T) {
	dir := release(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	movable, err := os.ReadFile("internal/clock/simulated.go")
	if err != nil || !bytes.Contains(movable, []byte("wall_s")) || !bytes.Contains(movable, []byte("type movable struct")) {
		t.Fatalf("the movable clock does not look as this test thinks: %v", err)
	}
	for _, p := range programs() {
		if p.name == "demo" {
			continue // it writes the file that moves the clocks, and is not installed
		}
		raw, err := os.ReadFile(filepath.Join(dir, p.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range []string{"sim-clock", "wall_s", "clock.movable", here + "/cmd/"} {
			if bytes.Contains(raw, []byte(trace)) {
				t.Errorf("%s holds %q: build it without the tag simclock and with -trimpath", p.name, trace)
			}
		}
	}
}
