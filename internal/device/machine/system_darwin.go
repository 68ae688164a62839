package machine

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/device/macos"
)

// Read asks macOS. file is not used: it is for machines that are not Macs.
func Read(string) (Machine, error) {
	h, err := macos.ReadHardware(context.Background())
	if err != nil {
		return Machine{}, err
	}
	return Machine{UDID: h.UUID, Serial: h.Serial, Model: h.Model, Name: h.Name, OS: h.OS, Zone: zone()}, nil
}

// zone is where /etc/localtime points to.
func zone() string {
	target, err := filepath.EvalSymlinks("/etc/localtime")
	if err != nil {
		return "UTC"
	}
	if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
		return name
	}
	return "UTC"
}
