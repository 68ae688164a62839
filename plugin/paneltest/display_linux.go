package paneltest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Display is an X server that nobody looks at.
type Display struct {
	Name string // as DISPLAY has it
	t    testing.TB
	dir  string // holds what is on the screen, as a file
}

// patience is how long a person waits for what should come.
const patience = 20 * time.Second

// Needs skips a test that some tool is missing for, and fails it where CI=true.
func Needs(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("without %s nobody sees the native panel (.ci/prepare installs it): %v", tool, err)
		}
	}
}

// Start is a display of that many pixels, until the test ends.
func Start(t testing.TB, width, height int) *Display {
	t.Helper()
	Needs(t, "Xvfb", "xdotool")
	d := &Display{t: t, dir: t.TempDir()}
	d.serve(exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-ac", "-nolisten", "tcp", "-fbdir", d.dir, "-noreset"))
	return d
}

// serve starts the X server, which says its number on descriptor 3.
func (d *Display) serve(server *exec.Cmd) {
	d.t.Helper()
	number, theirs, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	defer number.Close()
	server.ExtraFiles = []*os.File{theirs}
	if err := server.Start(); err != nil {
		d.t.Fatal(err)
	}
	_ = theirs.Close()
	d.t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		d.t.Fatalf("the X server says no number: %v", err)
	}
	d.Name = ":" + strings.TrimSpace(line)
}

// Env is what a program needs to draw here, with a home of its own, so that
// nobody's settings count.
func (d *Display) Env() []string {
	home := filepath.Join(d.dir, "home")
	if err := errors.Join(os.MkdirAll(home, 0o777), os.Chmod(home, 0o777), reachable(home)); err != nil {
		d.t.Fatal(err)
	}
	return []string{"DISPLAY=" + d.Name, "HOME=" + home}
}

// reachable lets other users into the folders above, which are the test's own.
func reachable(path string) error {
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (d *Display) run(tool string, args ...string) (string, error) {
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.Name)
	out, err := cmd.Output()
	return string(out), err
}

func (d *Display) hand(args ...string) {
	d.t.Helper()
	if out, err := d.run("xdotool", args...); err != nil {
		d.t.Fatalf("xdotool %q: %v\n%s", args, err, out)
	}
}

// Type types a text, at about the pace of a fast typist.
func (d *Display) Type(text string) {
	d.t.Helper()
	d.hand("type", "--delay", "15", text)
}

// Press presses keys by their X names: Return, Escape, Tab, shift+Tab, F1.
func (d *Display) Press(keys ...string) {
	d.t.Helper()
	d.hand(append([]string{"key", "--delay", "30"}, keys...)...)
}

// Click moves the pointer there and clicks, as long as a finger needs.
func (d *Display) Click(x, y int) {
	d.t.Helper()
	d.hand("mousemove", strconv.Itoa(x), strconv.Itoa(y), "sleep", "0.1", "mousedown", "1", "sleep", "0.15", "mouseup", "1")
}

// Point moves the pointer.
func (d *Display) Point(x, y int) {
	d.t.Helper()
	d.hand("mousemove", strconv.Itoa(x), strconv.Itoa(y))
}

// Sees waits until a window has that title, which names the screen in it.
func (d *Display) Sees(title string) {
	d.t.Helper()
	d.Until(fmt.Sprintf("a window %q is shown", title), func() bool { return d.title() == title })
}

// SeesNothing waits until there is no window.
func (d *Display) SeesNothing() {
	d.t.Helper()
	d.Until("no window is shown", func() bool { return d.window() == "" })
}

func (d *Display) window() string {
	out, _ := d.run("xdotool", "search", "--onlyvisible", "--name", ".+") // fails where there is none
	first, _, _ := strings.Cut(out, "\n")
	return first
}

func (d *Display) title() string {
	window := d.window()
	if window == "" {
		return ""
	}
	out, _ := d.run("xdotool", "getwindowname", window)
	return strings.TrimSuffix(out, "\n")
}

// Until asks again until it is so.
func (d *Display) Until(what string, so func() bool) {
	d.t.Helper()
	for give := time.Now().Add(patience); !so(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(give) {
			d.t.Fatalf("not within %v: %s; the title is %q, and the screen is in %s", patience, what, d.title(), d.keep())
		}
	}
}
