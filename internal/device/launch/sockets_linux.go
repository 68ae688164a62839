package launch

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// firstFile is the number of the first socket (sd_listen_fds(3)).
const firstFile = 3

// mostFiles bounds what the environment can claim.
const mostFiles = 64

// held reads the three variables of sd_listen_fds(3). They are taken away:
// they are of this process, and not of one that it starts.
func held(names []string) (map[string]*os.File, error) {
	pid, count, of := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // none at all, or those of another process
	}
	given, err := named(count, of)
	if err != nil {
		return nil, err
	}
	found := map[string]*os.File{}
	for i, name := range given {
		syscall.CloseOnExec(firstFile + i)
		file := os.NewFile(uintptr(firstFile+i), name)
		if !slices.Contains(names, name) || found[name] != nil {
			_ = file.Close()
			continue // not one of ours to serve
		}
		found[name] = file
	}
	return found, nil
}

// named are the names of the sockets, in their order.
func named(count, of string) ([]string, error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > mostFiles {
		return nil, fmt.Errorf("LISTEN_FDS is %.20q: allowed is a number from 0 to %d", count, mostFiles)
	}
	names := strings.Split(of, ":")
	if n == 0 {
		return nil, nil
	}
	if len(names) != n {
		return nil, fmt.Errorf("LISTEN_FDNAMES has %d names, and LISTEN_FDS says %d", len(names), n)
	}
	return names, nil
}
