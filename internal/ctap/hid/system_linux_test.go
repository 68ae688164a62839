package hid

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// The kernel's folder of hidraw devices, as it is with a key, a mouse and
// something that was pulled out just now.
func TestHidrawLists(t *testing.T) {
	class := t.TempDir()
	for name, descriptor := range map[string][]byte{"hidraw0": {0x05, 0x01, 0x09, 0x02, 0xA1, 0x01, 0xC0}, "hidraw1": key(), "hidraw2": nil} {
		device := filepath.Join(class, name, "device")
		if err := os.MkdirAll(device, 0o755); err != nil {
			t.Fatal(err)
		}
		if descriptor == nil {
			continue
		}
		err := errors.Join(
			os.WriteFile(filepath.Join(device, "report_descriptor"), descriptor, 0o644),
			os.WriteFile(filepath.Join(device, "uevent"), []byte("DRIVER=hid-generic\nHID_ID=0003:0000\nHID_NAME=Blue Security Key\n"), 0o644),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	lister := hidraw{class: class, nodes: t.TempDir()}
	ports, err := lister.Ports(t.Context())
	if err != nil || !slices.Equal(ports, []Port{{Name: "hidraw1", Product: "Blue Security Key"}}) {
		t.Errorf("%+v, %v", ports, err)
	}
	if _, err := lister.Open(t.Context(), ports[0]); !errors.Is(err, ctap.ErrKeyGone) {
		t.Errorf("without its node: %v", err)
	}
	for _, name := range []string{"../hidraw1", "null", ""} {
		if _, err := lister.Open(t.Context(), Port{Name: name}); err == nil || errors.Is(err, ctap.ErrKeyGone) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if ports, err := (hidraw{class: filepath.Join(class, "none")}).Ports(t.Context()); len(ports) != 0 || err != nil {
		t.Errorf("a kernel without hidraw: %v, %v", ports, err)
	}
	if _, err := System().Ports(t.Context()); err != nil {
		t.Errorf("this machine: %v", err)
	}
}
