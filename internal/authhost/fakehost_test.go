package authhost

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test binary stand in for latchkey-host where a test needs
// a host that misbehaves in ways the real one cannot.
func TestMain(m *testing.M) {
	if os.Getenv("AUTHHOST_TEST_HOST") != "" {
		(&fakeHost{in: os.NewFile(3, "in"), out: os.NewFile(4, "out"), ids: map[uint32]string{}, runs: map[uint32]int{}}).serve()
		os.Exit(0)
	}
	code := 1
	dir, err := os.MkdirTemp("", "authhost")
	if err == nil {
		if err = os.Chmod(dir, 0o755); err == nil {
			hostCopy, err = copySelf(dir)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "copy the test binary:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// hostCopy is the test binary where uid 92 may run it: go test keeps it in a
// folder of its own user.
var hostCopy string

func copySelf(dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "latchkey-host")
	return path, os.WriteFile(path, data, 0o755)
}

type fakeHost struct {
	in, out *os.File
	ids     map[uint32]string
	runs    map[uint32]int
	waiting uint32 // the mechanism that will ask for an interrupt
}

func (f *fakeHost) reply(kind op, w writer) {
	frame, err := w.frame(kind)
	if err != nil {
		panic(err)
	}
	if _, err := f.out.Write(frame); err != nil {
		os.Exit(7)
	}
}

func (f *fakeHost) status(kind op, id, code uint32) {
	var w writer
	w.number(id)
	w.number(code)
	f.reply(kind, w)
}

func (f *fakeHost) serve() {
	for {
		var head [5]byte
		if _, err := io.ReadFull(f.in, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:])-1)
		if _, err := io.ReadFull(f.in, body); err != nil {
			return
		}
		p := &parser{rest: body}
		switch op(head[4]) {
		case opLoad:
			id, path := p.number(), string(p.bytes())
			var w writer
			w.number(id)
			w.number(0)
			if strings.HasSuffix(path, "broken.so") {
				w = nil
				w.number(id)
				w.number(1)
				w.bytes([]byte("undefined symbol: sorry"))
			} else {
				w.bytes(nil)
			}
			f.reply(opLoaded, w)
		case opCreate:
			id, _, name := p.number(), p.number(), string(p.bytes())
			f.ids[id] = name
			code := uint32(0)
			if name == "create-fails" {
				code = 0xffffffff
			}
			f.status(opCreated, id, code)
		case opInvoke:
			id := p.number()
			f.runs[id]++
			f.invoke(id, f.ids[id], p.values(), p.values())
		case opDeactivate:
			var w writer
			w.number(p.number())
			f.reply(opDeactivated, w)
		case opDestroy:
			f.status(opDestroyed, p.number(), 0)
		case opQuit:
			return
		}
	}
}

func (f *fakeHost) result(id uint32, r Result, hints, context values) {
	var w writer
	w.number(id)
	w.number(uint32(r))
	w.values(hints)
	w.values(context)
	f.reply(opResult, w)
}

func (f *fakeHost) invoke(id uint32, name string, hints, context values) {
	tries, _ := hints.number(keyTries)
	r := Allow
	switch name {
	case "deny", "deny-first", "sticky":
		if name == "deny" || tries == 0 {
			r = Deny
		}
		if name == "sticky" && tries == 0 {
			context["kept"] = value{flagSticky, []byte("x")}
			context["lost"] = value{0, []byte("x")}
			hints["advice"] = value{0, []byte("x")}
		}
	case "cancel":
		r = UserCanceled
	case "undefined":
		r = Undefined
	case "none-of-four":
		r = 9
	case "crash":
		os.Exit(3)
	case "garbage":
		_, _ = f.out.Write([]byte{0, 0, 0, 1, 99})
		_, _ = io.Copy(io.Discard, f.in)
	case "huge":
		_, _ = f.out.Write([]byte{0xff, 0xff, 0xff, 0xff, 20})
		_, _ = io.Copy(io.Discard, f.in)
	case "invoke-fails":
		f.status(opInvoked, id, 0xfffffffe)
		return
	case "interrupts":
		f.waiting = id
	case "hangs-once", "hangs":
		if f.waiting != 0 && name == "hangs-once" {
			if f.runs[id] > 1 {
				break
			}
			var w writer
			w.number(f.waiting)
			f.reply(opInterrupt, w)
		}
		fmt.Println("hanging")
		return
	case "asks":
		fmt.Print("\x1b[2JType the code: ")
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if strings.TrimSpace(line) != "123456" {
			r = Deny
		}
		fmt.Println("thank you")
	case "counts":
		hints.setText(fmt.Sprintf("run-%d", f.runs[id]), 0, "")
	case "interrupts-early":
		var w writer
		w.number(id)
		f.reply(opInterrupt, w)
	case "describes":
		if _, stale := hints["advice"]; stale {
			hints.setText("stale-advice", 0, "")
		}
		hints.setNumber("euid", 0, uint32(os.Geteuid()))
		hints["context-names"] = value{0, []byte(context.changes(nil))}
		delete(hints, "client-path")
	}
	f.result(id, r, hints, context)
	switch name {
	case "twice":
		f.result(id, Deny, hints, context)
	case "faulty":
		var w writer
		w.number(id)
		w.bytes([]byte("second SetResult"))
		f.reply(opFault, w)
	}
	f.status(opInvoked, id, 0)
}
