// Package stories plays the lock-outs that other login-window products were
// reported for (docs/lockout-stories.md), each through the real plug-in and
// daemon, and each to the same end: the right person is in, the wrong one is
// out. It holds tests alone, and never reaches around the login window to get
// somebody in.
package stories
