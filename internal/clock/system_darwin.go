package clock

import "golang.org/x/sys/unix"

// continuousClock is CLOCK_MONOTONIC_RAW, which Darwin counts with
// mach_continuous_time, through sleep (clock_gettime(3), macOS).
const continuousClock = unix.CLOCK_MONOTONIC_RAW

func bootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }
