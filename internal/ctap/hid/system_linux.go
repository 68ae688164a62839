package hid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// System lists the security keys of this machine.
func System() Lister { return hidraw{class: "/sys/class/hidraw", nodes: "/dev"} }

// hidraw lists the devices that the kernel has under class, and opens them
// under nodes.
type hidraw struct{ class, nodes string }

func (h hidraw) Ports(context.Context) (found []Port, err error) {
	entries, err := os.ReadDir(h.class)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without hidraw has no keys
	}
	if err != nil {
		return nil, fmt.Errorf("list security keys: %w", err)
	}
	for _, e := range entries {
		device := filepath.Join(h.class, e.Name(), "device")
		// One that cannot be read was pulled out just now.
		if descriptor, err := bounded(filepath.Join(device, "report_descriptor")); err == nil && isSecurityKey(descriptor) {
			event, _ := bounded(filepath.Join(device, "uevent"))
			found = append(found, Port{Name: e.Name(), Product: product(string(event))})
		}
	}
	return found, nil
}

// bounded reads a file, one byte more than a descriptor can have at most.
func bounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxDescriptor+1))
}

// product is the name in a uevent file of the kernel's.
func product(event string) string {
	for line := range strings.Lines(event) {
		if name, ok := strings.CutPrefix(line, "HID_NAME="); ok {
			return label(name)
		}
	}
	return ""
}

func (h hidraw) Open(ctx context.Context, p Port) (ctap.Channel, error) {
	if p.Name != filepath.Base(p.Name) || !strings.HasPrefix(p.Name, "hidraw") {
		return nil, fmt.Errorf("open the security key %q: it is no name of one", p.Name)
	}
	file, err := os.OpenFile(filepath.Join(h.nodes, p.Name), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(ctap.ErrKeyGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the security key: %w", err)
	}
	// The report ID 0 stands for a device that has none.
	c, err := openChannel(ctx, newStream(file, []byte{0}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return c, nil
}
