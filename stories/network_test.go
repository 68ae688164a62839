package stories

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// hangs stops a process, which stays there and answers nothing, until the
// returned function lets it go on.
func (m *mac) hangs(p *trial.Process) (goOn func()) {
	m.t.Helper()
	m.must(syscall.Kill(p.PID(), syscall.SIGSTOP))
	goOn = func() { _ = syscall.Kill(p.PID(), syscall.SIGCONT) }
	m.t.Cleanup(goOn) // before the trial asks it to end
	m.must(m.Until("every thread of it has stopped", func() (bool, error) { return stopped(p.PID()) }))
	return goOn
}

// stopped reads the state of a process's threads, which stands behind the
// name in parentheses.
func stopped(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range threads {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // this thread has ended
		}
		if _, state, _ := strings.Cut(string(raw), ") "); !strings.HasPrefix(state, "T") {
			return false, nil
		}
	}
	return len(threads) > 0, err
}

// The server's port accepts, and nothing ever answers: what a Mac meets that
// has just started and has a link, and no network yet.
func TestStory15_NetworkNotUpAtTheLoginWindow(t *testing.T) {
	m := aMac(t).enrolled()
	m.hangs(m.Server)
	m.must(m.RebootWith(0))
	m.rightOneInWrongOneOut()
	s, err := m.Status()
	m.must(err)
	if s.CheckIn.Last != nil && s.Clock == "anchored" {
		t.Errorf("a check-in was answered: there was a network in this story")
	}
}

func TestStory16_NoOfflineChoiceWithoutWiFi(t *testing.T) {
	m := aMac(t).enrolled()
	pin := m.pin()
	m.Network(false)
	m.out(sees("Contact admin"), aWrongPIN)
	m.in(sees("Contact admin"), thePIN(pin))
}

// A portal answers every address with its own page and its own certificate.
func TestStory17_ReachableIsNotOnline(t *testing.T) {
	m := aMac(t).enrolled()
	pin := m.pin()
	m.Server.Stop()
	asked := portal(t, m.DeviceListener(), strings.TrimPrefix(m.ServerURL, "https://"))
	_, err := m.Latchkey("check-in")
	if err == nil || len(asked) == 0 {
		t.Fatalf("the check-in at a portal: %v, %d connections", err, len(asked))
	}
	m.out(aWrongCode)
	m.in(thePIN(pin))
}

func portal(t *testing.T, addresses ...string) (asked chan net.Conn) {
	t.Helper()
	asked = make(chan net.Conn, 1000)
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<html>Welcome to this hotel</html>")
		}))
		s.Listener.Close()
		s.Listener = l
		s.Config.ConnState = func(c net.Conn, state http.ConnState) {
			if state == http.StateNew {
				asked <- c
			}
		}
		s.StartTLS()
		t.Cleanup(s.Close)
	}
	return asked
}

// No network since the Mac was started, nor any way to choose one: the help
// desk reads a PIN for the device code that the screen shows.
func TestStory18_NoWiFiMenuNo8021X(t *testing.T) {
	m := aMac(t).enrolled()
	m.Network(false)
	m.must(m.RebootWith(0))
	m.out(aWrongPIN)
	m.in(m.thePINForTheDeviceCode)
}
