package launch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"
)

const libSystem = "/usr/lib/libSystem.B.dylib"

// mostFiles bounds what is read of launchd's answer.
const mostFiles = 64

// held asks launchd for each name (launch.h: launch_activate_socket fills an
// array that the caller frees; ESRCH: launchd did not start this process; ENOENT:
// its property list has no such socket).
func held(names []string) (map[string]*os.File, error) {
	handle, err := purego.Dlopen(libSystem, purego.RTLD_NOW)
	if err != nil {
		return nil, err
	}
	activateAt, err := purego.Dlsym(handle, "launch_activate_socket")
	if err != nil {
		return nil, err
	}
	freeAt, err := purego.Dlsym(handle, "free")
	if err != nil {
		return nil, err
	}
	var activate func(name string, files **int32, count *uintptr) int32
	var free func(*int32)
	purego.RegisterFunc(&activate, activateAt)
	purego.RegisterFunc(&free, freeAt)
	found := map[string]*os.File{}
	for _, name := range names {
		var files *int32
		var count uintptr
		code := syscall.Errno(activate(name, &files, &count))
		if errors.Is(code, syscall.ESRCH) || errors.Is(code, syscall.ENOENT) {
			continue
		}
		if code != 0 {
			return found, fmt.Errorf("launchd: socket %s: %w", name, code)
		}
		for i, file := range unsafe.Slice(files, min(count, mostFiles)) {
			syscall.CloseOnExec(int(file))
			taken := os.NewFile(uintptr(file), name)
			if i > 0 {
				_ = taken.Close() // one path makes one socket
				continue
			}
			found[name] = taken
		}
		free(files)
	}
	return found, nil
}
