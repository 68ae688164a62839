package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func receipt(id string) string { return filepath.Join(standin, "receipts", id) }

// pkgutil is `pkgutil --pkg-info ID` and `pkgutil --forget ID`.
func (m machine) pkgutil() int {
	if len(m.args) != 2 || filepath.Base(m.args[1]) != m.args[1] {
		return m.fail(64, "pkgutil: no such command here: %q", m.args)
	}
	version, err := os.ReadFile(receipt(m.args[1]))
	if err != nil {
		return m.fail(1, "No receipt for '%s' found at '/'.", m.args[1])
	}
	switch m.args[0] {
	case "--pkg-info":
		fmt.Fprintf(m.out, "package-id: %s\nversion: %s\nvolume: /\nlocation: /\n", m.args[1], version)
	case "--forget":
		if os.Remove(receipt(m.args[1])) != nil {
			return m.fail(1, "pkgutil: the receipt could not be removed")
		}
		fmt.Fprintf(m.out, "Forgot package '%s' on '/'.\n", m.args[1])
	default:
		return m.fail(64, "pkgutil: no such command here: %q", m.args)
	}
	return 0
}

// installer is `installer -pkg VERSION -target VOLUME`: what Installer does with
// /standin/packages/VERSION, which `make pkg` has staged: preinstall, each file
// beside the old one and then in its place, postinstall, receipt. A step that
// fails is the last.
func (m machine) installer() int {
	if len(m.args) != 4 || m.args[0] != "-pkg" || m.args[2] != "-target" {
		return m.fail(1, "installer: no such command here: %q", m.args)
	}
	from, target := filepath.Join(standin, "packages", m.args[1]), m.args[3]
	if err := m.script(from, "preinstall", target); err != nil {
		return m.fail(1, "installer: The install failed. (preinstall: %v)", err)
	}
	if err := layDown(from, target); err != nil {
		return m.fail(1, "installer: The install failed. (%v)", err)
	}
	if err := m.script(from, "postinstall", target); err != nil {
		return m.fail(1, "installer: The install failed. (postinstall: %v)", err)
	}
	if target == "/" {
		if err := os.WriteFile(receipt("dev.latchkey.pkg"), []byte(m.args[1]), 0o644); err != nil {
			return m.fail(1, "installer: %v", err)
		}
	}
	fmt.Fprintln(m.out, "installer: The install was successful.")
	return 0
}

// script runs one of the package's, with the arguments that Installer gives.
func (m machine) script(from, name, target string) error {
	c := exec.Command(filepath.Join(from, "scripts", name), filepath.Join(from, "Latchkey.pkg"), target, target, "/")
	c.Stdout, c.Stderr, c.Dir = m.out, m.err, "/"
	c.Env = []string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/libexec", "INSTALLER_TEMP=/private/tmp"}
	return c.Run()
}

// layDown lays the payload down by the listing, which names modes and owners. A
// folder that is there stays as it is.
func layDown(from, target string) error {
	listing, err := os.Open(filepath.Join(from, "listing.txt"))
	if err != nil {
		return err
	}
	defer listing.Close()
	lines := bufio.NewScanner(listing)
	for lines.Scan() {
		part := strings.SplitN(lines.Text(), " ", 4)
		if len(part) != 4 || part[1] != "root:wheel" {
			return fmt.Errorf("the listing has the line %q", lines.Text())
		}
		mode, err := strconv.ParseUint(part[0], 8, 32)
		if err != nil {
			return err
		}
		if err := layOne(filepath.Join(from, "root", part[3]), filepath.Join(target, part[3]), os.FileMode(mode), part[2] == "-"); err != nil {
			return err
		}
	}
	return lines.Err()
}

func layOne(source, path string, mode os.FileMode, folder bool) error {
	if folder {
		if err := os.Mkdir(path, mode); errors.Is(err, os.ErrExist) {
			return nil
		} else if err != nil {
			return err
		}
		return os.Chmod(path, mode)
	}
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	beside := path + ".installing"
	if err := os.WriteFile(beside, content, mode); err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			_ = os.Remove(beside)
		}
		return err
	}
	if err := os.Chmod(beside, mode); err != nil {
		return err
	}
	return os.Rename(beside, path)
}
