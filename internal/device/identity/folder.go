package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of what is read.
const (
	maxFile       = 256 << 10
	maxIdentities = 100
)

const suffix = ".pem"

// Below is where below the daemon's state folder the identities are kept, on
// machines without a System keychain.
func Below(state string) string { return filepath.Join(state, "identity") }

// Folder keeps identities, one file each: the key and behind it the chain, so
// that no crash leaves one without the other.
type Folder struct {
	Dir string
	Now func() time.Time
}

// Certificate is the identity in force, for TLS. It is read anew each time, so
// that a renewed one is used without a restart. The error wraps ErrNone and
// says why each one that is there was passed over.
func (f Folder) Certificate(context.Context) (tls.Certificate, error) {
	c, err := f.Load()
	if err != nil {
		return tls.Certificate{}, err
	}
	return c.tlsCertificate(), nil
}

// Load is the valid identity with the marker that was issued last.
func (f Folder) Load() (Candidate, error) {
	all, err := f.Candidates()
	if err != nil {
		return Candidate{}, err
	}
	return Newest(all, f.Now())
}

// Candidates are all that are in the folder, with what hinders each.
func (f Folder) Candidates() ([]Candidate, error) {
	entries, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for Device Access certificates: %w", err)
	}
	var out []Candidate
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if len(out) == maxIdentities {
			return nil, fmt.Errorf("look for Device Access certificates: more than %d in %s; remove those that have expired", maxIdentities, f.Dir)
		}
		c, err := read(filepath.Join(f.Dir, e.Name()))
		c.Name, c.Err = e.Name(), err
		out = append(out, c)
	}
	return out, nil
}

// read follows no link, and takes no file that others may read: whoever has the
// key is this device.
func read(path string) (Candidate, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return Candidate{}, fmt.Errorf("it cannot be opened: %w", err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if err := private(file); err != nil {
		return Candidate{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return Candidate{}, fmt.Errorf("it cannot be read: %w", err)
	case len(raw) > maxFile:
		return Candidate{}, fmt.Errorf("it is longer than %d bytes", maxFile)
	}
	return parse(raw)
}

// private refuses what others than root or the daemon's own user own or read.
func private(file *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return fmt.Errorf("it cannot be looked at: %w", err)
	}
	switch {
	case uint32(st.Mode)&unix.S_IFMT != unix.S_IFREG:
		return errors.New("it is no regular file")
	case st.Uid != 0 && st.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("it is owned by uid %d", st.Uid)
	case st.Mode&0o077 != 0:
		return fmt.Errorf("others can read or write it (mode %#o; 0600 is expected)", st.Mode&0o777)
	}
	return nil
}

func parse(raw []byte) (c Candidate, err error) {
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		switch block.Type {
		case "PRIVATE KEY":
			if c.Key != nil {
				return Candidate{}, errors.New("it holds two keys")
			}
			if c.Key, err = parseKey(block.Bytes); err != nil {
				return Candidate{}, err
			}
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return Candidate{}, fmt.Errorf("certificate %d cannot be read: %w", len(c.Chain)+1, err)
			}
			c.Chain = append(c.Chain, cert)
		default:
			return Candidate{}, fmt.Errorf("it holds a PEM block %.40q; PRIVATE KEY and CERTIFICATE are expected", block.Type)
		}
	}
	if c.Key == nil || len(c.Chain) == 0 {
		return Candidate{}, errors.New("a PRIVATE KEY and a CERTIFICATE are expected in it")
	}
	return c, nil
}

func parseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("its key cannot be read") // without the library's words, which may quote it
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key is of a kind that cannot sign")
	}
	return signer, nil
}

// Store keeps an identity: durable and whole when it returns, or not at all.
// The result is the file's path.
func (f Folder) Store(key crypto.Signer, chain []*x509.Certificate) (string, error) {
	raw, err := encode(key, chain)
	if err == nil {
		err = f.prepare()
	}
	if err != nil {
		return "", fmt.Errorf("store the device's identity: %w", err)
	}
	sum := sha256.Sum256(chain[0].Raw)
	path := filepath.Join(f.Dir, "device-"+hex.EncodeToString(sum[:8])+suffix)
	if err := f.write(path, raw); err != nil {
		return "", fmt.Errorf("store the device's identity: %w", err)
	}
	return path, nil
}

func encode(key crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	if len(chain) == 0 || !fits(key, chain[0]) {
		return nil, errors.New("the certificate is for another key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("the key cannot be encoded")
	}
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		return nil, err
	}
	for _, cert := range chain {
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func (f Folder) prepare() error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(f.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is no folder that only its owner can write", f.Dir)
	}
	return nil
}

func (f Folder) write(path string, raw []byte) error {
	temp, err := os.CreateTemp(f.Dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(f.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
