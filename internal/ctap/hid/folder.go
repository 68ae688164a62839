package hid

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// Folder lists the sockets *.sock of a folder: each is a key that speaks
// reports of 64 bytes over a stream. It is for machines without real keys.
func Folder(dir string) Lister { return folder(dir) }

type folder string

const socketSuffix = ".sock"

func (f folder) Ports(context.Context) (found []Port, err error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, fmt.Errorf("list security keys: %w", err)
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), socketSuffix); ok && e.Type() == fs.ModeSocket {
			found = append(found, Port{Name: e.Name(), Product: label(name)})
		}
	}
	return found, nil
}

func (f folder) Open(ctx context.Context, p Port) (ctap.Channel, error) {
	if p.Name != filepath.Base(p.Name) || !strings.HasSuffix(p.Name, socketSuffix) {
		return nil, fmt.Errorf("open the security key %q: it is no name of one in %s", p.Name, string(f))
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(string(f), p.Name))
	if err != nil && ctx.Err() == nil {
		err = errors.Join(ctap.ErrKeyGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the security key %s: %w", p.Name, err)
	}
	c, err := openChannel(ctx, newStream(conn, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return c, nil
}
