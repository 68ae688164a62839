package clock

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// continuousClock runs through sleep; CLOCK_MONOTONIC does not.
const continuousClock = unix.CLOCK_BOOTTIME

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(raw)), err
}
