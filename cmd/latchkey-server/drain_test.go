package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// A server that is told to stop takes nothing new at either listener, answers
// what is under way, and leaves a line in its log for each request, with the id
// that the answer and the event have.
func TestStopLetsRequestsFinish(t *testing.T) {
	storetest.OnlySQLite(t, "nothing in it is the database's")
	data := filepath.Join(t.TempDir(), "data")
	local(t, "init", "--data", data)
	token := local(t, "token", "create", "--data", data, "--name", "test", "--login", "sam@example.com", "--role", "super-admin")
	cmd := exec.Command(os.Args[0], "serve", "--data", data, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0", "--tls-hosts", "127.0.0.1")
	cmd.Env = append(os.Environ(), serveVariable+"=1")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	env := readiness(t.Fatalf, out)
	host := strings.TrimPrefix(env["LATCHKEY_SERVER"], "https://")
	conn, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"profile":{"login":"amy@example.com"}}`
	// Expect: the server says that it has begun to read.
	fmt.Fprintf(conn, "POST /api/v1/users?colour=S3CRET HTTP/1.1\r\nHost: %s\r\nAuthorization: SSWS %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", host, token, len(body))
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = r.ReadString('\n')
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{env["LATCHKEY_SERVER"], env["DEVICE_URL"]} {
		for tries := 0; ; tries++ {
			again, err := net.Dial("tcp", strings.TrimPrefix(url, "https://"))
			if err != nil {
				break
			}
			again.Close()
			if tries == 100_000 {
				t.Fatalf("%s still takes connections", url)
			}
		}
	}
	_, _ = io.WriteString(conn, body)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%+v %v", answer, err)
	}
	answer.Body.Close()
	conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	id := answer.Header.Get("X-Okta-Request-Id")
	raw, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for line := range strings.Lines(string(raw)) {
		var e struct{ Msg, Request, Route, Listener string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q is no structured line: %v", line, err)
		}
		if e.Msg == "request" && e.Request == id && e.Route == "POST /api/v1/users" && e.Listener == "main" {
			told++
		}
	}
	if told != 1 || strings.Contains(string(raw), "S3CRET") || strings.Contains(string(raw), token) {
		t.Errorf("%d lines of request %q, want one without secrets:\n%s", told, id, raw)
	}
}

// What does not end is cut off when its time is over.
func TestStopDoesNotWaitForEver(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(begun); <-end }))
	defer s.Close()
	defer close(end)
	failed := make(chan error, 1)
	go func() {
		resp, err := http.Get(s.URL)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	<-begun
	within, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if err := drain(within, zap.NewNop(), s.Config); err != nil {
		t.Errorf("%v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}
