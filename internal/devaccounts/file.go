package devaccounts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Load reads the account file at path. It refuses one that is not a regular
// file, or belongs to someone who is neither root nor the caller, or that
// others can write: whoever writes it decides who signs in.
func Load(path string) (*File, error) {
	data, err := readOwned(path)
	if err != nil {
		return nil, fmt.Errorf("account file %s: %w", path, err)
	}
	f, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("account file %s: %w", path, err)
	}
	return f, nil
}

func readOwned(path string) ([]byte, error) {
	// O_NONBLOCK: a FIFO must not make the caller wait before it is refused.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("it is a symbolic link; name the file itself")
	}
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if err := checkOwner(info, uint32(os.Geteuid())); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(file, maxFile+1))
}

func checkOwner(info fs.FileInfo, self uint32) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("it is no regular file")
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		// Refused by default: without an owner nothing can be said about who wrote it.
		return fmt.Errorf("its owner cannot be told")
	}
	if stat.Uid != 0 && stat.Uid != self {
		return fmt.Errorf("it belongs to uid %d, allowed are 0 and %d", stat.Uid, self)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("its mode %04o lets others write it; chmod go-w it", info.Mode().Perm())
	}
	return nil
}

// write puts data in the place of the file at path, whole or not at all, for
// the caller's eyes only.
func write(path string, data []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".accounts-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	return err
}
