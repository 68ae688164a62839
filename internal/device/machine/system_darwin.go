package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// Read asks the system. file is not used: it is for machines that are not Macs.
func Read(string) (Machine, error) {
	var m Machine
	var errs []error
	take := func(into *string, name string) {
		value, err := unix.Sysctl(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("sysctl %s: %w", name, err))
		}
		*into = value
	}
	take(&m.Model, "hw.model")
	take(&m.OS, "kern.osproductversion")
	name, err := os.Hostname()
	m.Name = strings.TrimSuffix(name, ".local")
	platform, platformErr := openPlatform()
	if platformErr == nil {
		m.UDID, m.Serial = platform.property("IOPlatformUUID"), platform.property("IOPlatformSerialNumber")
	}
	if m.UDID == "" || m.Serial == "" {
		errs = append(errs, errors.New("IOKit gave no hardware UUID or serial number"))
	}
	m.Zone = zone()
	return m, errors.Join(append(errs, err, platformErr)...)
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

// platform is the IOPlatformExpertDevice of the I/O Registry.
type platform struct {
	service   uint32
	newString func(alloc uintptr, s string, encoding uint32) uintptr
	release   func(ref uintptr)
	create    func(service uint32, key, alloc uintptr, options uint32) uintptr
	get       func(ref uintptr, buffer *byte, size int, encoding uint32) bool
}

const utf8 = 0x08000100 // kCFStringEncodingUTF8

func openPlatform() (*platform, error) {
	cf, err := purego.Dlopen("/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", purego.RTLD_NOW)
	if err != nil {
		return nil, fmt.Errorf("open CoreFoundation: %w", err)
	}
	kit, err := purego.Dlopen("/System/Library/Frameworks/IOKit.framework/IOKit", purego.RTLD_NOW)
	if err != nil {
		return nil, fmt.Errorf("open IOKit: %w", err)
	}
	p := &platform{}
	var matching func(name string) uintptr
	var find func(port uint32, matching uintptr) uint32
	purego.RegisterLibFunc(&p.newString, cf, "CFStringCreateWithCString")
	purego.RegisterLibFunc(&p.release, cf, "CFRelease")
	purego.RegisterLibFunc(&p.get, cf, "CFStringGetCString")
	purego.RegisterLibFunc(&p.create, kit, "IORegistryEntryCreateCFProperty")
	purego.RegisterLibFunc(&matching, kit, "IOServiceMatching")
	purego.RegisterLibFunc(&find, kit, "IOServiceGetMatchingService")
	// The matching dictionary is consumed by the call.
	if p.service = find(0, matching("IOPlatformExpertDevice")); p.service == 0 {
		return nil, errors.New("the I/O Registry has no IOPlatformExpertDevice")
	}
	return p, nil
}

func (p *platform) property(name string) string {
	key := p.newString(0, name, utf8)
	if key == 0 {
		return ""
	}
	defer p.release(key)
	value := p.create(p.service, key, 0, 0)
	if value == 0 {
		return ""
	}
	defer p.release(value)
	var buffer [128]byte
	if !p.get(value, &buffer[0], len(buffer), utf8) {
		return ""
	}
	text, _, _ := strings.Cut(string(buffer[:]), "\x00")
	return text
}
