package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitSurprise = 1
	exitUsage    = 2
)

// run is main without the process around it, for tests.
func run(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("inspect", flag.ContinueOnError)
	flags.SetOutput(errs)
	stubs := flags.String("stubs", "packaging/darwin/stubs", "folder of the stubs: what may be asked of which library")
	version := flags.String("version", "", "the version that was built")
	architectures := flags.String("archs", "arm64 amd64", "what each file is built for")
	programs := flags.String("programs", "latchkeyd latchkey", "the programs beside the bundle")
	signed := flags.Bool("signed", false, "expect signatures with the hardened runtime, as a Mac makes them")
	if flags.Parse(args) != nil {
		return exitUsage
	}
	if flags.NArg() != 1 || *version == "" {
		_, _ = fmt.Fprintln(errs, "inspect: wanted are -version and one folder with Latchkey.bundle in it: inspect -version 1.2.3 dist")
		return exitUsage
	}
	known, err := readStubs(*stubs)
	if err != nil {
		_, _ = fmt.Fprintf(errs, "inspect: %v\n", err)
		return exitUsage
	}
	i := inspection{known: known, version: *version, architectures: strings.Fields(*architectures), signed: *signed, places: machinePlaces(), out: out, used: map[string]bool{}}
	i.folder(flags.Arg(0), strings.Fields(*programs))
	_, _ = fmt.Fprintln(out)
	i.unused()
	if len(i.surprises) == 0 {
		_, _ = fmt.Fprintln(out, "no surprise")
		return 0
	}
	for _, s := range i.surprises {
		_, _ = fmt.Fprintf(out, "surprise: %s\n", s)
	}
	_, _ = fmt.Fprintf(errs, "inspect: %d surprises; the first: %s\n", len(i.surprises), i.surprises[0])
	return exitSurprise
}

// machinePlaces are folders of this machine, whose names must not be in what
// others get.
func machinePlaces() []string {
	found := []string{"/Users/runner/", "/home/"}
	if here, err := os.Getwd(); err == nil {
		found = append(found, here+"/")
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		found = append(found, home+"/")
	}
	return append(found, filepath.Clean(os.TempDir())+"/")
}

// maxFile is the largest file that is read, in bytes: ours have some 25 million.
const maxFile = 256 << 20

var errTooLarge = errors.New("larger than anything that is built here")

// readFile reads a plain file within its bound.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read what was built: %w", err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read what was built: %w", err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("read %s: %w", path, errTooLarge)
	}
	return content, nil
}
