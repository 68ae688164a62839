//go:build cgo && (darwin || gnustep)

package native

// #cgo CFLAGS: -std=gnu11 -Wall -Wextra -fvisibility=hidden
// #cgo darwin CFLAGS: -fno-objc-arc -Wno-deprecated-declarations
// #cgo darwin LDFLAGS: -framework AppKit -framework Foundation -framework ApplicationServices -lobjc
// #cgo gnustep LDFLAGS: -lgnustep-gui -lgnustep-base -lobjc
// #include "panel.h"
import "C"

import (
	"runtime/cgo"
	"strings"
	"time"
	"unsafe"

	"github.com/latchkey-mfa/latchkey/plugin/panel"
)

// Open makes a panel whose window comes with the first screen. It fails where
// the host has no application to draw in.
func Open(words Words) (panel.Panel, error) {
	return start(words, time.Now, func(d *drawing) (face, error) {
		owner := cgo.NewHandle(d)
		window := C.panel_open(C.uintptr_t(owner))
		if window == nil {
			owner.Delete()
			return nil, errNoApplication
		}
		return surface{window}, nil
	})
}

// maxLanguages bounds the names of the person's languages, in bytes.
const maxLanguages = 1024

// Languages are the person's, the preferred first, as the system names them.
func Languages() []string {
	text := make([]byte, maxLanguages)
	n := C.panel_languages((*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)))
	return strings.Fields(string(text[:n]))
}

// surface is the C side's panel.
type surface struct{ panel *C.struct_panel }

func (s surface) Draw(view []byte) {
	C.panel_draw(s.panel, (*C.char)(unsafe.Pointer(unsafe.SliceData(view))), C.size_t(len(view)))
}

func (s surface) Count(line string) {
	text := []byte(line + "\x00") // never empty, so that there is an address
	C.panel_count(s.panel, (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(line)))
}

func (s surface) Close() { C.panel_close(s.panel) }

//export latchkeyPanelEvent
func latchkeyPanelEvent(owner C.uintptr_t, content *C.char, length C.size_t) {
	defer func() { _ = recover() }()
	cgo.Handle(owner).Value().(*drawing).told(C.GoBytes(unsafe.Pointer(content), C.int(length)))
}

//export latchkeyPanelGone
func latchkeyPanelGone(owner C.uintptr_t) {
	defer func() { _ = recover() }()
	handle := cgo.Handle(owner)
	handle.Value().(*drawing).gone()
	handle.Delete()
}
