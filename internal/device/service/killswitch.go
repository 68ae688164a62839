package service

import (
	"os"

	"golang.org/x/sys/unix"
)

// killSwitchName is the file beside the store whose presence lets everyone in
// with the password alone (design §13, break-glass).
const killSwitchName = "kill-switch"

// killSwitch reports whether the file is there and really root's: a plain
// file, not a link, owned by root or by the daemon's own uid where it does not
// run as root, and not writable by others. Anything else is no kill-switch.
func killSwitch(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false
	}
	ours := st.Uid == 0 || st.Uid == uint32(os.Geteuid())
	return ours && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o022 == 0
}
