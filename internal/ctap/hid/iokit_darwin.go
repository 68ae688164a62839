package hid

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	utf8Encoding = 0x08000100 // kCFStringEncodingUTF8
	sint32Type   = 3          // kCFNumberSInt32Type
)

// ioKit are the functions of macOS that are used here: C functions of numbers
// and pointers, and one with a floating-point number.
type ioKit struct {
	mu     sync.Mutex
	loaded bool
	// Callbacks of purego's are never freed, so there are two for all devices,
	// which are found by a number that is passed through C.
	onReport, onRemoval uintptr
	open                map[uintptr]*macDevice
	last                uintptr

	release     func(ref uintptr)
	newString   func(alloc uintptr, s string, encoding uint32) uintptr
	getString   func(ref uintptr, buffer *byte, size int, encoding uint32) bool
	typeOf      func(ref uintptr) uint
	stringType  func() uint
	newNumber   func(alloc uintptr, kind int, value *int32) uintptr
	newMap      func(alloc uintptr, capacity int, keys, values uintptr) uintptr
	put         func(dict, key, value uintptr)
	setCount    func(set uintptr) int
	setValues   func(set uintptr, values *uintptr)
	currentLoop func() uintptr
	runLoop     func(mode uintptr, seconds float64, once bool) int32
	stopLoop    func(loop uintptr)
	mapKeys     uintptr // the address of kCFTypeDictionaryKeyCallBacks
	mapValues   uintptr // and of kCFTypeDictionaryValueCallBacks
	defaultMode uintptr // kCFRunLoopDefaultMode
	freeObject  func(object uint32) int32
	entryID     func(entry uint32, id *uint64) int32
	idMatching  func(id uint64) uintptr
	findService func(port uint32, matching uintptr) uint32
	managerCalls
	deviceCalls
}

type managerCalls struct {
	managerCreate func(alloc uintptr, options uint32) uintptr
	setMatching   func(manager, matching uintptr)
	copyDevices   func(manager uintptr) uintptr
}

type deviceCalls struct {
	deviceCreate   func(alloc uintptr, service uint32) uintptr
	deviceService  func(device uintptr) uint32
	deviceProperty func(device, key uintptr) uintptr
	deviceOpen     func(device uintptr, options uint32) int32
	deviceClose    func(device uintptr, options uint32) int32
	schedule       func(device, loop, mode uintptr)
	unschedule     func(device, loop, mode uintptr)
	onReportCall   func(device uintptr, buffer *byte, size int, callback, context uintptr)
	onRemovalCall  func(device, callback, context uintptr)
	setReport      func(device uintptr, kind int32, id int, data *byte, size int) int32
}

// load finds the functions, once.
func (k *ioKit) load() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded {
		return nil
	}
	cf, err := purego.Dlopen("/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", purego.RTLD_NOW)
	if err != nil {
		return fmt.Errorf("open CoreFoundation: %w", err)
	}
	kit, err := purego.Dlopen("/System/Library/Frameworks/IOKit.framework/IOKit", purego.RTLD_NOW)
	if err != nil {
		return fmt.Errorf("open IOKit: %w", err)
	}
	if err := k.loadConstants(cf); err != nil {
		return err
	}
	for name, f := range k.foundation() {
		purego.RegisterLibFunc(f, cf, name)
	}
	for name, f := range k.kit() {
		purego.RegisterLibFunc(f, kit, name)
	}
	k.onReport, k.onRemoval = purego.NewCallback(k.reported), purego.NewCallback(k.removed)
	k.loaded = true
	return nil
}

func (k *ioKit) loadConstants(cf uintptr) (err error) {
	if k.mapKeys, err = purego.Dlsym(cf, "kCFTypeDictionaryKeyCallBacks"); err != nil {
		return err
	}
	if k.mapValues, err = purego.Dlsym(cf, "kCFTypeDictionaryValueCallBacks"); err != nil {
		return err
	}
	mode, err := purego.Dlsym(cf, "kCFRunLoopDefaultMode")
	if err != nil {
		return err
	}
	// The symbol is a variable that holds the string.
	k.defaultMode = **(**uintptr)(unsafe.Pointer(&mode))
	return nil
}

func (k *ioKit) foundation() map[string]any {
	return map[string]any{
		"CFRelease": &k.release, "CFGetTypeID": &k.typeOf,
		"CFStringCreateWithCString": &k.newString, "CFStringGetCString": &k.getString, "CFStringGetTypeID": &k.stringType,
		"CFNumberCreate": &k.newNumber, "CFDictionaryCreateMutable": &k.newMap, "CFDictionarySetValue": &k.put,
		"CFSetGetCount": &k.setCount, "CFSetGetValues": &k.setValues,
		"CFRunLoopGetCurrent": &k.currentLoop, "CFRunLoopRunInMode": &k.runLoop, "CFRunLoopStop": &k.stopLoop,
	}
}

func (k *ioKit) kit() map[string]any {
	return map[string]any{
		"IOObjectRelease": &k.freeObject, "IORegistryEntryGetRegistryEntryID": &k.entryID, "IORegistryEntryIDMatching": &k.idMatching,
		"IOServiceGetMatchingService": &k.findService,
		"IOHIDManagerCreate":          &k.managerCreate, "IOHIDManagerSetDeviceMatching": &k.setMatching, "IOHIDManagerCopyDevices": &k.copyDevices,
		"IOHIDDeviceCreate": &k.deviceCreate, "IOHIDDeviceGetService": &k.deviceService, "IOHIDDeviceGetProperty": &k.deviceProperty,
		"IOHIDDeviceOpen": &k.deviceOpen, "IOHIDDeviceClose": &k.deviceClose,
		"IOHIDDeviceScheduleWithRunLoop": &k.schedule, "IOHIDDeviceUnscheduleFromRunLoop": &k.unschedule,
		"IOHIDDeviceRegisterInputReportCallback": &k.onReportCall, "IOHIDDeviceRegisterRemovalCallback": &k.onRemovalCall,
		"IOHIDDeviceSetReport": &k.setReport,
	}
}

// matching is the dictionary of what a security key is for. The caller
// releases it.
func (k *ioKit) matching() (uintptr, error) {
	dict := k.newMap(0, 0, k.mapKeys, k.mapValues)
	if dict == 0 {
		return 0, errors.New("CoreFoundation gave no dictionary")
	}
	for name, value := range map[string]int32{"DeviceUsagePage": pageFIDO, "DeviceUsage": usageCTAP} {
		key, number := k.newString(0, name, utf8Encoding), k.newNumber(0, sint32Type, &value)
		if key != 0 && number != 0 {
			k.put(dict, key, number) // which keeps both
		}
		for _, ref := range []uintptr{key, number} {
			if ref != 0 {
				k.release(ref)
			}
		}
		if key == 0 || number == 0 {
			k.release(dict)
			return 0, errors.New("CoreFoundation gave no string or number")
		}
	}
	return dict, nil
}

// text is a property of a device that is a string, or nothing.
func (k *ioKit) text(device uintptr, name string) string {
	key := k.newString(0, name, utf8Encoding)
	if key == 0 {
		return ""
	}
	defer k.release(key)
	value := k.deviceProperty(device, key) // which the device keeps
	var buffer [256]byte
	if value == 0 || k.typeOf(value) != k.stringType() || !k.getString(value, &buffer[0], len(buffer), utf8Encoding) {
		return ""
	}
	for i, b := range buffer {
		if b == 0 {
			return string(buffer[:i])
		}
	}
	return ""
}
