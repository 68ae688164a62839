package loginright

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// PluginsFolder is where macOS looks for plug-ins that are not its own.
const PluginsFolder = "/Library/Security/SecurityAgentPlugins"

// BundleName is the folder of ours in it.
const BundleName = "Latchkey.bundle"

// Bounds of a bundle. Ours has three files, a signature's two, and some 20 MB.
const (
	maxFiles = 200
	maxCode  = 256 << 20 // bytes of the program in it
	maxInfo  = 1 << 20   // bytes of its Info.plist
)

// BundleError is what is wrong with the bundle: the login window could not be
// sure to load it, or somebody other than root could change it.
type BundleError struct {
	Path    string // of the file or folder that is wrong
	Problem string
}

// Error names the file and what is wrong with it.
func (e *BundleError) Error() string { return e.Path + " " + e.Problem }

// Signature says whether code is signed as expected.
type Signature interface {
	Check(ctx context.Context, bundle string) error
}

// Bundle is the plug-in as it is installed.
type Bundle struct {
	Dir           string   // the folder Latchkey.bundle
	Owners        []uint32 // who may own it: root, and in development the daemon's own user
	Architectures []string // that it must have, as GOARCH names them
	Signature     Signature
}

// Look holds what can be seen without reading the files: that they are there,
// whose they are and who can change them. It returns a fingerprint that is
// another one when any of them was replaced. Errors: *BundleError.
func (b Bundle) Look() (fingerprint string, err error) {
	if err := b.ancestors(); err != nil {
		return "", err
	}
	return b.files()
}

// Verify reads the files: that macOS can load the plug-in, and who has signed
// it. Errors: *BundleError, and what the signature's check says.
func (b Bundle) Verify(ctx context.Context) error {
	executable, err := b.info()
	if err != nil {
		return err
	}
	if err := checkCode(executable, b.Architectures); err != nil {
		return err
	}
	return b.Signature.Check(ctx, b.Dir)
}

// ancestors are the folders above: who may rename one of them may put another
// bundle there.
func (b Bundle) ancestors() error {
	for dir := filepath.Dir(b.Dir); ; dir = filepath.Dir(dir) {
		info, err := os.Lstat(dir)
		if err != nil {
			return missing(dir, err)
		}
		if err := b.owned(dir, info, fs.ModeDir); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &BundleError{path, "is not there"}
	}
	return &BundleError{path, "cannot be looked at: " + unwrapped(err).Error()}
}

func unwrapped(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// readable is what the login window's own user needs: to read files, and to
// pass through folders.
func readable(kind fs.FileMode) fs.FileMode {
	if kind == fs.ModeDir {
		return 0o555
	}
	return 0o444
}

// owned holds what everything on the way to the plug-in has to be.
func (b Bundle) owned(path string, info fs.FileInfo, kind fs.FileMode) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	switch {
	case mode.Type() != kind:
		return &BundleError{path, fmt.Sprintf("is a %s: allowed are folders and plain files, and no links", kindName(mode))}
	case !ok || !slices.Contains(b.Owners, owner.Uid):
		return &BundleError{path, "does not belong to root"}
	case mode.Perm()&0o022 != 0 && !(kind == fs.ModeDir && mode&fs.ModeSticky != 0):
		return &BundleError{path, fmt.Sprintf("has the mode %04o: others than its owner can change it", mode.Perm())}
	case mode.Perm()&readable(kind) != readable(kind):
		return &BundleError{path, fmt.Sprintf("has the mode %04o: the login window's user cannot read it", mode.Perm())}
	}
	return nil
}

func kindName(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode.IsDir():
		return "folder"
	case mode.IsRegular():
		return "file"
	}
	return "device or socket"
}

// files looks at each file of the bundle, and takes the fingerprint.
func (b Bundle) files() (string, error) {
	seen, n := sha256.New(), 0
	err := filepath.WalkDir(b.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return missing(path, err)
		}
		if n++; n > maxFiles {
			return &BundleError{b.Dir, fmt.Sprintf("has more than %d files", maxFiles)}
		}
		info, err := e.Info()
		if err != nil {
			return missing(path, err)
		}
		kind := fs.FileMode(0) // a plain file
		if path == b.Dir || info.IsDir() {
			kind = fs.ModeDir
		}
		if err := b.owned(path, info, kind); err != nil {
			return err
		}
		stat, _ := info.Sys().(*syscall.Stat_t)
		_, err = fmt.Fprintf(seen, "%q %o %d %d %d\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano(), stat.Ino)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(seen.Sum(nil)), nil
}

// info reads the Info.plist and names the executable.
func (b Bundle) info() (executable string, err error) {
	path := filepath.Join(b.Dir, "Contents", "Info.plist")
	raw, err := readUpTo(path, maxInfo)
	if err != nil {
		return "", err
	}
	if problem := infoProblem(raw); problem != "" {
		return "", &BundleError{path, problem}
	}
	return filepath.Join(b.Dir, "Contents", "MacOS", "Latchkey"), nil
}

// infoProblem is what is wrong with an Info.plist of ours, or "".
func infoProblem(raw []byte) string {
	document, err := plist.Parse(raw)
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	for _, want := range [][2]string{{"CFBundleExecutable", "Latchkey"}, {"CFBundlePackageType", "BNDL"}, {"CFBundleIdentifier", "dev.latchkey.plugin"}} {
		if is, _ := document.Root.Get(want[0]); is.Value.Text != want[1] {
			return fmt.Sprintf("has %.40q for %s: ours has %q", is.Value.Text, want[0], want[1])
		}
	}
	return ""
}

func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- below the bundle, and no link
	if err != nil {
		return nil, missing(path, err)
	}
	defer f.Close()
	var into bytes.Buffer
	if n, err := io.Copy(&into, io.LimitReader(f, most+1)); err != nil {
		return nil, missing(path, err)
	} else if n > most {
		return nil, &BundleError{path, fmt.Sprintf("has more than %d bytes", most)}
	}
	return into.Bytes(), nil
}
