package store_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

// writerDir makes the test binary a process that writes to the store in that
// folder until it is killed, and prints each number that Write returned for.
const writerDir = "LATCHKEY_TEST_STORE_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func writeUntilKilled(dir string) error {
	s, err := store.Open(options(dir))
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		number := []byte(strconv.Itoa(n))
		if err := s.Write(map[string][]byte{"a": number, "b": number, fmt.Sprintf("n/%06d", n): bytes.Repeat(number, 100)}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestAKillLosesNothingThatWriteReturnedFor(t *testing.T) {
	o := options(t.TempDir())
	for kill := range 5 {
		told := writerKilledAfter(t, o.Dir, 3+7*kill)
		s := open(t, o)
		a, errA := s.Read("a")
		b, errB := s.Read("b")
		if errors.Join(errA, errB) != nil || !bytes.Equal(a, b) {
			t.Fatalf("kill %d: half a write is there: %q and %q (%v %v)", kill, a, b, errA, errB)
		}
		if got, err := strconv.Atoi(string(a)); err != nil || got < told {
			t.Fatalf("kill %d: write %d was told of, the store is at %q", kill, told, a)
		}
		if v, err := s.Read(fmt.Sprintf("n/%06d", told)); err != nil || v == nil {
			t.Fatalf("kill %d: record %d is gone: %v", kill, told, err)
		}
		s.Close()
	}
}

// writerKilledAfter is the last number that a writer printed before SIGKILL.
func writerKilledAfter(t *testing.T, dir string, lines int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problem strings.Builder
	cmd.Stderr = &problem
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last, scanner := 0, bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		if last, err = strconv.Atoi(scanner.Text()); err != nil {
			t.Fatalf("the writer said %q", scanner.Text())
		}
		if n == lines {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if last == 0 {
		t.Fatalf("the writer wrote nothing: %s", problem.String())
	}
	return last
}
