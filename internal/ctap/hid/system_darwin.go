package hid

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// System lists the security keys of this Mac.
func System() Lister { return &ioKit{open: map[uintptr]*macDevice{}} }

// portPrefix goes before a device's number in the I/O Registry, which it keeps
// as long as it is plugged in.
const portPrefix = "ioreg-"

func (k *ioKit) Ports(context.Context) ([]Port, error) {
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("list security keys: %w", err)
	}
	manager := k.managerCreate(0, 0)
	if manager == 0 {
		return nil, fmt.Errorf("list security keys: IOKit gave no manager")
	}
	defer k.release(manager)
	matching, err := k.matching()
	if err != nil {
		return nil, fmt.Errorf("list security keys: %w", err)
	}
	defer k.release(matching)
	k.setMatching(manager, matching)
	// Devices are listed without being opened.
	set := k.copyDevices(manager)
	if set == 0 {
		return nil, nil
	}
	defer k.release(set)
	return k.portsOf(set), nil
}

// portsOf a CFSet of devices, which the set keeps alive.
func (k *ioKit) portsOf(set uintptr) (found []Port) {
	count := k.setCount(set)
	if count <= 0 {
		return nil
	}
	devices := make([]uintptr, count)
	k.setValues(set, &devices[0])
	for _, d := range devices {
		var id uint64
		if k.entryID(k.deviceService(d), &id) == 0 {
			found = append(found, Port{Name: portPrefix + strconv.FormatUint(id, 10), Product: label(k.text(d, "Product"))})
		}
	}
	slices.SortFunc(found, func(a, b Port) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

func (k *ioKit) Open(ctx context.Context, p Port) (ctap.Channel, error) {
	number, isPort := strings.CutPrefix(p.Name, portPrefix)
	id, err := strconv.ParseUint(number, 10, 64)
	if !isPort || err != nil {
		return nil, fmt.Errorf("open the security key %q: it is no name of one", p.Name)
	}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("open the security key: %w", err)
	}
	d, err := k.openDevice(id)
	if err != nil {
		return nil, fmt.Errorf("open the security key %s: %w", p.Name, err)
	}
	c, err := openChannel(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return c, nil
}
