// Command latchkey-server is the org server of Latchkey and its command line.
//
// A secret is never taken from a flag, which every user of the machine can see.
// Results go to standard output; warnings, logs and errors go to standard
// error. An error ends with a line "hint: …" that says what to do next. Exit
// codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule of the org.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "0.0.0-dev"

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, streams{out: os.Stdout, err: os.Stderr, in: os.Stdin}, os.Args[1:])
}
