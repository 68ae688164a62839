package macos

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// hardwareLimit is generous: these are read once, when the daemon starts.
const hardwareLimit = 10 * time.Second

// registry is the I/O Registry, and the place of the computer's name.
type registry struct {
	*foundation
	matching     func(name string) uintptr
	find         func(port uint32, matching uintptr) uint32
	free         func(object uint32) int32
	property     func(service uint32, key, alloc uintptr, options uint32) uintptr
	computerName func(store uintptr, encoding *uint32) uintptr
}

func openRegistry() (*registry, error) {
	f, err := openFoundation()
	if err != nil {
		return nil, err
	}
	r := &registry{foundation: f}
	kit, err := openLibrary(frameworks + "IOKit.framework/IOKit")
	if err != nil {
		return nil, err
	}
	// Without the name's framework the host's name serves: no reason not to start.
	if configuration, err := openLibrary(frameworks + "SystemConfiguration.framework/SystemConfiguration"); err == nil {
		_ = configuration.bind(map[string]any{"SCDynamicStoreCopyComputerName": &r.computerName})
	}
	return r, kit.bind(map[string]any{
		"IOServiceMatching": &r.matching, "IOServiceGetMatchingService": &r.find, "IOObjectRelease": &r.free, "IORegistryEntryCreateCFProperty": &r.property,
	})
}

// ReadHardware asks macOS which Mac this is. An error names all that is missing,
// or wraps ErrHung.
func ReadHardware(ctx context.Context) (Hardware, error) {
	return Do(ctx, NewCalls(1, hardwareLimit), "ask for the hardware", func() (Hardware, error) {
		r, err := openRegistry()
		if err != nil {
			return Hardware{}, err
		}
		raw, err := r.platform()
		if err != nil {
			return Hardware{}, err
		}
		// What cannot be read stays empty, and parseHardware names it.
		raw.Model, _ = unix.Sysctl("hw.model")
		raw.OS, _ = unix.Sysctl("kern.osproductversion")
		raw.Name = r.name()
		host, _ := os.Hostname()
		return parseHardware(raw, host)
	})
}

// platform reads the IOPlatformExpertDevice.
func (r *registry) platform() (Hardware, error) {
	// The dictionary is consumed by the call.
	service := r.find(0, r.matching("IOPlatformExpertDevice"))
	if service == 0 {
		return Hardware{}, errors.New("the I/O Registry has no IOPlatformExpertDevice")
	}
	defer r.free(service)
	read := func(name string) string {
		o := r.owned()
		defer o.end()
		key := o.text(name)
		if o.err != nil {
			return ""
		}
		return r.readText(o.keep(r.property(service, key, 0, 0)))
	}
	return Hardware{UUID: read("IOPlatformUUID"), Serial: read("IOPlatformSerialNumber")}, nil
}

func (r *registry) name() string {
	if r.computerName == nil {
		return ""
	}
	o := r.owned()
	defer o.end()
	return r.readText(o.keep(r.computerName(0, nil)))
}
