package launch

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestHandedOver starts this program anew with two sockets, as a starter of
// daemons does, and talks to it through one of them.
func TestHandedOver(t *testing.T) {
	if os.Getenv("LAUNCH_CHILD") != "" {
		serveOne(t)
		return
	}
	folder, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	var files []*os.File
	for _, name := range []string{"gate", "stranger"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(folder, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run=TestHandedOver$`, self)
	child.Env = append(child.Environ(), "LAUNCH_CHILD=1", "LISTEN_FDS=2", "LISTEN_FDNAMES=gate:stranger")
	child.ExtraFiles, child.Stdout, child.Stderr = files, os.Stderr, os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", filepath.Join(folder, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 100)
	n, _ := conn.Read(answer)
	if err := child.Wait(); err != nil || string(answer[:n]) != "1 taken, none left" {
		t.Errorf("%q, %v", answer[:n], err)
	}
	if _, err := os.Stat(filepath.Join(folder, "gate")); err != nil {
		t.Errorf("the starter's path is gone: %v", err)
	}
}

func serveOne(t *testing.T) {
	taken, err := Sockets("prompt", "gate")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := taken["gate"].Accept()
	if err != nil {
		t.Fatal(err)
	}
	left := "none left"
	if again, err := Sockets("gate"); err != nil || len(again) > 0 || os.Getenv("LISTEN_FDS") != "" {
		left = "taken twice"
	}
	_, _ = conn.Write([]byte(strconv.Itoa(len(taken)) + " taken, " + left))
	_ = taken["gate"].Close()
}

func TestThoseOfAnotherProcess(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "3")
	if taken, err := Sockets("gate"); err != nil || len(taken) > 0 {
		t.Errorf("%v, %v", taken, err)
	}
	for _, c := range []struct{ count, names, want string }{{"two", "", "LISTEN_FDS"}, {"65", "", "LISTEN_FDS"}, {"-1", "", "LISTEN_FDS"}, {"2", "gate", "LISTEN_FDNAMES has 1"}} {
		if _, err := named(c.count, c.names); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func FuzzNamed(f *testing.F) {
	f.Add("2", "gate:prompt")
	f.Add("0", "")
	f.Fuzz(func(t *testing.T, count, of string) {
		names, err := named(count, of)
		if n, _ := strconv.Atoi(count); err == nil && len(names) != n {
			t.Errorf("%d names for %q", len(names), count)
		}
	})
}
