package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

// smallDisk is a folder on a file system of that many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size)); err != nil {
		t.Skipf("a full disk needs a small tmpfs mount, which this process may not make: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill takes what the disk has left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
}

func hasBallast(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "ballast"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestAFullDiskDoesNotStopWrites(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	s, err := store.Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !hasBallast(t, dir) {
		t.Fatal("a new store has no ballast")
	}
	fill(t, dir)
	big := bytes.Repeat([]byte{1}, 200_000)
	for n := range 5 {
		write(t, s, map[string][]byte{fmt.Sprint("big/", n): big})
	}
	if hasBallast(t, dir) {
		t.Error("the writes passed with the ballast in place: the disk was not full")
	}
	for n := range 50 {
		if err = s.Write(map[string][]byte{fmt.Sprint("more/", n): big}); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a disk that is full to the end: %v", err)
	}
	if v, err := s.Read("big/4"); err != nil || !bytes.Equal(v, big) {
		t.Errorf("after a failed write the records read: %d bytes, %v", len(v), err)
	}
	s.Close()
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(options(dir))
	if err != nil {
		t.Fatalf("open after the disk was full: %v", err)
	}
	defer s.Close()
	if v, err := s.Read("big/4"); err != nil || !bytes.Equal(v, big) || !hasBallast(t, dir) {
		t.Errorf("with room again: %d bytes, %v, ballast %v", len(v), err, hasBallast(t, dir))
	}
}

func TestAFullDiskDoesNotStopTheStart(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	s, err := store.Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, map[string][]byte{"k": []byte("v")})
	s.Close()
	fill(t, dir)
	if s, err = store.Open(options(dir)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write(t, s, map[string][]byte{"k": bytes.Repeat([]byte{2}, 500_000)})
}
