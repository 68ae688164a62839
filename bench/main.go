package main

import (
	"context"
	"errors"
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
	only := flag.String("only", "", "measure the `mac` or the `org` alone")
	flag.Parse()
	if flag.NArg() == 1 && flag.Arg(0) == "empty" { // what run starts beside the server
		fmt.Fprintf(os.Stderr, "bench: empty: %v\n", serveEmpty())
		os.Exit(1)
	}
	if flag.NArg() > 2 && flag.Arg(0) == "echo" { // what run starts as the other end of a ping-pong
		fmt.Fprintf(os.Stderr, "bench: echo: %v\n", echo(flag.Arg(1), flag.Args()[2:]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *bin, *only, *macs); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		fmt.Fprintln(os.Stderr, "hint: `make bench` builds what is measured and runs this")
		os.Exit(1)
	}
}

// run measures one thing after the other, so that none disturbs another. The
// decisions come last: each leaves an event in the store that the daemon's
// start would have to read.
func run(ctx context.Context, bin, only string, macs int) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	var t table
	if only != "org" {
		if t.rows, err = macRows(ctx, bin); err != nil {
			return err
		}
	}
	if only != "mac" {
		rows, err := orgRows(ctx, bin, macs)
		t.rows = append(t.rows, rows...)
		if err != nil { // what was measured before took minutes
			return errors.Join(err, t.print(os.Stdout))
		}
	}
	return t.print(os.Stdout)
}

func macRows(ctx context.Context, bin string) (rows []row, err error) {
	m, err := newMac(bin)
	if err != nil {
		return nil, err
	}
	defer m.close()
	for _, measure := range []func(context.Context, *mac) ([]row, error){daemonRows, pluginRows, pinRows, gateRows} {
		some, err := measure(ctx, m)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}
