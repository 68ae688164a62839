package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Server is a PostgreSQL of the test program's own: on a socket in a folder
// that nobody else can enter, with nothing that lasts.
type Server struct {
	dir   string
	alive io.Closer // the server ends with it, and so with this process
	guard *exec.Cmd
	made  atomic.Int64
}

// errAbsent is a machine without PostgreSQL.
var errAbsent = errors.New("PostgreSQL is not installed: apt-get install postgresql")

// server is started by the first test that wants it.
var server = sync.OnceValues(func() (*Server, error) {
	// A new database is hundreds of files, which memory takes several times
	// faster than a disk.
	parent := "/tmp"
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		parent = "/dev/shm"
	}
	s, err := Start(parent, "fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=32MB", "autovacuum=off", "max_wal_size=2GB")
	if err != nil {
		return nil, err
	}
	// Databases are copies of this one, which nobody else opens.
	db, err := store.Open(context.Background(), s.URL("postgres"))
	if err != nil {
		return nil, errors.Join(err, s.alive.Close())
	}
	return s, db.Close()
})

// Postgres is the server, for the whole test program. Where it is not installed
// the test is skipped; with CI in the environment it fails.
func Postgres(t testing.TB) *Server {
	t.Helper()
	s, err := server()
	if errors.Is(err, errAbsent) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Database is a new database that is migrated.
func (s *Server) Database(t testing.TB) string { return s.create(t, "TEMPLATE postgres") }

// Empty is a new database with nothing in it.
func (s *Server) Empty(t testing.TB) string { return s.create(t, "TEMPLATE template0") }

// InEncoding is a new database whose texts are in another encoding.
func (s *Server) InEncoding(t testing.TB, encoding string) string {
	return s.create(t, "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING '"+encoding+"'")
}

// create makes a database and drops it after the test.
func (s *Server) create(t testing.TB, how string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", s.made.Add(1))
	if err := s.exec("CREATE DATABASE " + name + " " + how); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

// Create makes an empty database with that name, which is there as long as the
// server is.
func (s *Server) Create(name string) error { return s.exec("CREATE DATABASE " + name) }

// exec runs a statement beside all databases of tests.
func (s *Server) exec(statement string) error {
	db, err := sql.Open("pgx", s.URL("template1"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}

// URL is where a database of the server is.
func (s *Server) URL(database string) string {
	return "postgres://latchkey@/" + database + "?host=" + s.dir
}

// Tool runs a program that comes with the server.
func (s *Server) Tool(t testing.TB, name string, args ...string) {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(bin, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// programs is the folder of the newest PostgreSQL, where Debian puts it or in PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	best, version := "", 0
	for _, p := range found {
		if n, _ := strconv.Atoi(strings.Split(p, "/")[4]); n > version {
			best, version = filepath.Dir(p), n
		}
	}
	if best != "" {
		return best, nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", errAbsent
}

// guard runs the server until its standard input ends, as it does when the test
// program does, whatever ends that. Then it ends the server and removes the folder.
const guard = `dir=$1; shift
"$@" >"$dir/log" 2>&1 &
read -r _
kill -QUIT $!
wait $!
rm -rf "$dir"/data "$dir"/.s.* "$dir/log"
rmdir "$dir"`

// Start runs a new server in a folder of its own below parent, which has to be
// short, as a socket's path is bounded to about a hundred characters. It has
// those settings, each as name=value, and ends with Stop or with this process.
func Start(parent string, settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "latchkey-pg")
	if err != nil {
		return nil, err
	}
	as, err := owner(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "latchkey", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := []string{"-c", guard, "guard", dir, filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses="}
	for _, one := range settings {
		args = append(args, "-c", one)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.SysProcAttr, cmd.Dir = as, dir
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, alive: alive, guard: cmd}
	return s, s.answers()
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error { return errors.Join(s.alive.Close(), s.guard.Wait()) }

// PID is the number of the server's first process, of which all others come.
func (s *Server) PID() (int, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	return strconv.Atoi(first)
}

// owner gives the folder to who runs the server, which is never root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	// A signal to the tests from the keyboard must not reach the guard.
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return as, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errAbsent, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as, os.Chown(dir, uid, gid)
}

// startTime bounds how long the server may take to start.
const startTime = time.Minute

// answers waits until the server takes connections.
func (s *Server) answers() error {
	end := time.NewTimer(startTime)
	defer end.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-end.C:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, log)
		}
	}
}
