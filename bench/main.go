package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	bin := flag.String("bin", "bin/bench", "folder of latchkeyd, Latchkey.so and bench-host, as `make bench` builds them")
	macs := flag.Int("macs", 1_000_000, "of the org whose server is measured")
	flag.Parse()
	if flag.NArg() == 1 && flag.Arg(0) == "org" {
		_, err := orgRows(context.Background(), *bin, *macs)
		fmt.Fprintln(os.Stderr, err)
		return
	}
	if flag.NArg() > 2 && flag.Arg(0) == "echo" { // what run starts as the other end of a ping-pong
		fmt.Fprintf(os.Stderr, "bench: echo: %v\n", echo(flag.Arg(1), flag.Args()[2:]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *bin); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		fmt.Fprintln(os.Stderr, "hint: `make bench` builds what is measured and runs this")
		os.Exit(1)
	}
}

// run measures one thing after the other, so that none disturbs another. The
// decisions come last: each leaves an event in the store that the daemon's
// start would have to read.
func run(ctx context.Context, bin string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	m, err := newMac(bin)
	if err != nil {
		return err
	}
	defer m.close()
	var t table
	for _, measure := range []func(context.Context, *mac) ([]row, error){daemonRows, pluginRows, pinRows, gateRows} {
		rows, err := measure(ctx, m)
		if err != nil {
			return err
		}
		t.rows = append(t.rows, rows...)
	}
	return t.print(os.Stdout)
}
