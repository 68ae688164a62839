package diagnostics

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// maxPart is how many bytes of a part are taken; of a log the last ones.
const maxPart = 4 << 20

// Part is one file of the bundle.
type Part struct {
	Name string // of the file in it
	Read func(ctx context.Context) ([]byte, error)
}

// Bundle is what goes into the file.
type Bundle struct {
	Parts []Part
	// Secrets are values that must not be in it under any name: the client
	// secret of the profile.
	Secrets []string
	Now     time.Time
}

// Report says what became of the parts.
type Report struct {
	Parts   int      // that are in it
	Missing []string // that could not be had, each with the reason
	Taken   int      // places at which something that may be a secret was taken out
}

// Write writes the bundle into a new file (mode 0600), as a tar archive under
// gzip. A file that is there already stays as it is; one that cannot be written
// whole is removed.
func (b Bundle) Write(ctx context.Context, path string) (r Report, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600) // #nosec G304 -- where the administrator wants it
	if err != nil {
		return r, fmt.Errorf("make the bundle: %w", err)
	}
	r, err = b.write(ctx, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return r, errors.Join(fmt.Errorf("make the bundle %s: %w", path, err), os.Remove(path))
	}
	return r, nil
}

func (b Bundle) write(ctx context.Context, to io.Writer) (r Report, err error) {
	packed := gzip.NewWriter(to)
	archive := tar.NewWriter(packed)
	for _, p := range b.Parts {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		raw, err := p.Read(ctx)
		name := p.Name
		if err != nil {
			r.Missing = append(r.Missing, fmt.Sprintf("%s: %v", p.Name, err))
			name, raw = p.Name+".missing", []byte(err.Error()+"\n")
		}
		if len(raw) > maxPart {
			raw = raw[len(raw)-maxPart:]
		}
		clean, n := Redact(raw, b.Secrets)
		r.Taken += n
		r.Parts++
		if err := put(archive, name, clean, b.Now); err != nil {
			return r, err
		}
	}
	return r, errors.Join(archive.Close(), packed.Close())
}

func put(archive *tar.Writer, name string, content []byte, now time.Time) error {
	h := &tar.Header{Name: "latchkey-diagnostics/" + name, Mode: 0o600, Size: int64(len(content)), ModTime: now, Typeflag: tar.TypeReg}
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

// maxLogs is how many log files are taken, the newest first.
const maxLogs = 4

// Logs are the newest log files of a folder, each as a part with its last bytes.
// Only plain files count.
func Logs(folder string) []Part {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return []Part{{Name: "log", Read: func(context.Context) ([]byte, error) { return nil, err }}}
	}
	type found struct {
		name string
		at   time.Time
	}
	var files []found
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, found{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b found) int { return b.at.Compare(a.at) })
	var parts []Part
	for _, f := range files[:min(len(files), maxLogs)] {
		path := filepath.Join(folder, f.name)
		parts = append(parts, Part{Name: "log/" + f.name, Read: func(context.Context) ([]byte, error) { return Tail(path) }})
	}
	return parts
}

// Tail is the end of a plain file, 4 MiB at most, from the beginning of a line. It
// follows no link.
func Tail(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) // #nosec G304 -- in the folder of the logs
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	begin := max(0, size-maxPart)
	raw := make([]byte, size-begin)
	n, err := f.ReadAt(raw, begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	raw = raw[:n]
	if begin > 0 {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw, nil
}

// Listing says of each path what is there: mode, owner, size and time, and of a
// folder what is in it. It opens no file.
func Listing(paths ...string) ([]byte, error) {
	var out bytes.Buffer
	for _, path := range paths {
		describe(&out, path)
		entries, err := os.ReadDir(path)
		if err != nil {
			continue // no folder, or none that is there: described above
		}
		for _, e := range entries[:min(len(entries), 200)] {
			describe(&out, filepath.Join(path, e.Name()))
		}
	}
	return out.Bytes(), nil
}

func describe(out io.Writer, path string) {
	var s unix.Stat_t
	info, err := os.Lstat(path)
	if err == nil {
		err = unix.Lstat(path, &s)
	}
	if err != nil {
		fmt.Fprintf(out, "%s: %v\n", path, err)
		return
	}
	fmt.Fprintf(out, "%v %d:%d %10d %s %s\n", info.Mode(), s.Uid, s.Gid, info.Size(), info.ModTime().UTC().Format(time.RFC3339), path)
}
