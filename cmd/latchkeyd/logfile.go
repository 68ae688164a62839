package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// logFile is a log that may be renamed or removed while it is written to:
// newsyslog puts it aside when it is large and tells nobody. Before each line it
// is looked whether the path still leads to the open file.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File
}

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return l, l.open()
}

// open opens the file at the path, which it makes. A link there is somebody
// else's idea of where root should write.
func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o640) // #nosec G302 G304 -- administrators read it
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return fmt.Errorf("%s is no plain file", l.path)
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file = f
	return nil
}

// Write writes a line. One that cannot go to a new file goes to the old one.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renamed() {
		if err := l.open(); err != nil {
			fmt.Fprintf(os.Stderr, "latchkeyd: open the log anew: %v\n", err)
		}
	}
	return l.file.Write(line)
}

func (l *logFile) renamed() bool {
	there, err := os.Lstat(l.path)
	if err != nil {
		return true
	}
	open, err := l.file.Stat()
	return err == nil && !os.SameFile(open, there)
}

// Sync puts what was written on the disk.
func (l *logFile) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Sync()
}
