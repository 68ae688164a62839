package agent

import (
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
)

// fileName is the file that leads the browser to the page.
const fileName = "open-latchkey.html"

// ErrRoot: what is started here is a person's, and never root's.
var ErrRoot = errors.New("root has no browser; run this as the person whose factor it is")

// Door writes the file that leads to the page into a folder of the person's
// own, where nobody else reads the key in it, and returns its path. An argument
// list, which everybody can read, then has the path alone.
func Door(folder, address string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of the page's file: %w", err)
	}
	file, err := os.CreateTemp(folder, fileName+"-*")
	if err != nil {
		return "", fmt.Errorf("write the page's file: %w", err)
	}
	defer os.Remove(file.Name())
	to := html.EscapeString(address)
	_, err = fmt.Fprintf(file, "<!doctype html><meta charset=\"utf-8\"><title>Latchkey</title><meta http-equiv=\"refresh\" content=\"0;url=%s\"><p><a href=\"%s\">Latchkey</a></p>\n", to, to)
	path := filepath.Join(folder, fileName)
	if err = errors.Join(err, file.Chmod(0o600), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("write the page's file: %w", err)
	}
	return path, nil
}

// Browse opens a file in the person's browser.
func Browse(path string) error {
	if os.Geteuid() == 0 {
		return ErrRoot
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	defer null.Close()
	process, err := os.StartProcess(opener, []string{opener, path}, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{null, null, null}})
	if err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	return process.Release()
}
