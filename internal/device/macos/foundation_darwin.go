package macos

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	utf8Encoding = 0x08000100 // kCFStringEncodingUTF8
	maxText      = 4096       // bytes of a string that is read
	maxData      = 1 << 20    // bytes of data that is read
	frameworks   = "/System/Library/Frameworks/"
)

// library is a dynamic library of macOS.
type library struct {
	name   string
	handle uintptr
}

func openLibrary(path string) (library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW)
	if err != nil {
		return library{}, fmt.Errorf("open %s: %w", path, err)
	}
	return library{name: path[strings.LastIndexByte(path, '/')+1:], handle: handle}, nil
}

// bind finds functions. One that this macOS does not have is an error, where
// purego's own way of finding it would panic.
func (l library) bind(functions map[string]any) error {
	for name, f := range functions {
		at, err := purego.Dlsym(l.handle, name)
		if err != nil {
			return fmt.Errorf("%s has no %s: %w", l.name, name, err)
		}
		purego.RegisterFunc(f, at)
	}
	return nil
}

// constants are variables that hold a reference, by name.
func (l library) constants(names ...string) (map[string]uintptr, error) {
	found := map[string]uintptr{}
	for _, name := range names {
		at, err := purego.Dlsym(l.handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s has no %s: %w", l.name, name, err)
		}
		found[name] = **(**uintptr)(unsafe.Pointer(&at))
	}
	return found, nil
}

// foundation is CoreFoundation.
type foundation struct {
	release    func(ref uintptr)
	typeOf     func(ref uintptr) uint
	stringType func() uint
	arrayType  func() uint
	dataType   func() uint
	newString  func(alloc uintptr, s string, encoding uint32) uintptr
	getString  func(ref uintptr, buffer *byte, size int, encoding uint32) bool
	newData    func(alloc uintptr, bytes *byte, size int) uintptr
	dataSize   func(ref uintptr) int
	getData    func(ref uintptr, from, count int, into *byte) // its CFRange is two registers
	newArray   func(alloc uintptr, values *uintptr, count int, callbacks uintptr) uintptr
	count      func(array uintptr) int
	at         func(array uintptr, index int) uintptr
	newMap     func(alloc uintptr, capacity int, keys, values uintptr) uintptr
	put        func(dict, key, value uintptr)
	errorCode  func(ref uintptr) int

	arrayCalls, mapKeys, mapValues uintptr // addresses of kCFType…Callbacks
	yes                            uintptr // kCFBooleanTrue
}

func openFoundation() (*foundation, error) {
	lib, err := openLibrary(frameworks + "CoreFoundation.framework/CoreFoundation")
	if err != nil {
		return nil, err
	}
	f := &foundation{}
	err = lib.bind(map[string]any{
		"CFRelease": &f.release, "CFGetTypeID": &f.typeOf,
		"CFStringGetTypeID": &f.stringType, "CFArrayGetTypeID": &f.arrayType, "CFDataGetTypeID": &f.dataType,
		"CFStringCreateWithCString": &f.newString, "CFStringGetCString": &f.getString,
		"CFDataCreate": &f.newData, "CFDataGetLength": &f.dataSize, "CFDataGetBytes": &f.getData,
		"CFArrayCreate": &f.newArray, "CFArrayGetCount": &f.count, "CFArrayGetValueAtIndex": &f.at,
		"CFDictionaryCreateMutable": &f.newMap, "CFDictionarySetValue": &f.put, "CFErrorGetCode": &f.errorCode,
	})
	if err != nil {
		return nil, err
	}
	for name, into := range map[string]*uintptr{
		"kCFTypeArrayCallBacks": &f.arrayCalls, "kCFTypeDictionaryKeyCallBacks": &f.mapKeys, "kCFTypeDictionaryValueCallBacks": &f.mapValues,
	} {
		if *into, err = purego.Dlsym(lib.handle, name); err != nil {
			return nil, fmt.Errorf("CoreFoundation has no %s: %w", name, err)
		}
	}
	booleans, err := lib.constants("kCFBooleanTrue")
	f.yes = booleans["kCFBooleanTrue"]
	return f, err
}

var errNoMemory = errors.New("macOS gave no memory for a value")

// owned are references that end together.
type owned struct {
	f    *foundation
	refs []uintptr
	err  error // the first value that could not be made
}

func (f *foundation) owned() *owned { return &owned{f: f} }

// keep takes a reference that was given away with a copy or a create.
func (o *owned) keep(ref uintptr) uintptr {
	if ref != 0 {
		o.refs = append(o.refs, ref)
	}
	return ref
}

// made is keep for what must be there.
func (o *owned) made(ref uintptr) uintptr {
	if ref == 0 && o.err == nil {
		o.err = errNoMemory
	}
	return o.keep(ref)
}

func (o *owned) end() {
	for _, ref := range o.refs {
		o.f.release(ref)
	}
}

func (o *owned) text(s string) uintptr { return o.made(o.f.newString(0, s, utf8Encoding)) }

func (o *owned) data(raw []byte) uintptr {
	if len(raw) == 0 {
		o.err = errors.New("no empty data is handed to macOS")
		return 0
	}
	return o.made(o.f.newData(0, &raw[0], len(raw)))
}

func (o *owned) array(refs ...uintptr) uintptr {
	return o.made(o.f.newArray(0, &refs[0], len(refs), o.f.arrayCalls))
}

// dictionary holds its values by itself; none of them may be missing.
func (o *owned) dictionary(values map[uintptr]uintptr) uintptr {
	d := o.made(o.f.newMap(0, 0, o.f.mapKeys, o.f.mapValues))
	for key, value := range values {
		if o.err == nil && (key == 0 || value == 0) {
			o.err = errors.New("a value for macOS is missing")
		}
		if o.err == nil {
			o.f.put(d, key, value)
		}
	}
	return d
}

// readText is a string of at most maxText bytes, "" for anything else.
func (f *foundation) readText(ref uintptr) string {
	buffer := make([]byte, maxText)
	if ref == 0 || f.typeOf(ref) != f.stringType() || !f.getString(ref, &buffer[0], len(buffer), utf8Encoding) {
		return ""
	}
	text, _, _ := strings.Cut(string(buffer), "\x00")
	return text
}

func (f *foundation) readData(ref uintptr) ([]byte, error) {
	if ref == 0 || f.typeOf(ref) != f.dataType() {
		return nil, errors.New("macOS gave no data")
	}
	size := f.dataSize(ref)
	if size < 1 || size > maxData {
		return nil, fmt.Errorf("macOS gave %d bytes; 1 to %d are taken", size, maxData)
	}
	raw := make([]byte, size)
	f.getData(ref, 0, size, &raw[0])
	return raw, nil
}

// each goes through an array of at most most references, which stay the array's.
func (f *foundation) each(array uintptr, most int, do func(ref uintptr)) error {
	if array == 0 || f.typeOf(array) != f.arrayType() {
		return errors.New("macOS gave no list")
	}
	count := f.count(array)
	if count > most {
		return fmt.Errorf("macOS gave a list of %d; at most %d are taken", count, most)
	}
	for i := range count {
		do(f.at(array, i))
	}
	return nil
}
