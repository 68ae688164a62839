package hid

import "encoding/binary"

// The items of a report descriptor that tell what a device is for (HID 1.11
// §6.2.2): type and tag, without the size.
const (
	itemLong       = 0xFE
	itemUsagePage  = 0x04
	itemUsage      = 0x08
	itemCollection = 0xA0
	itemEnd        = 0xC0
	sizeBits       = 0x03
)

// The usage of a security key (CTAP 2.1 §11.2.8.1).
const (
	pageFIDO  = 0xF1D0
	usageCTAP = 0x01
)

// maxDescriptor is the longest report descriptor of Linux, in bytes.
const maxDescriptor = 4096

// isSecurityKey reports whether a report descriptor has a collection at its top
// that is for CTAPHID. One that breaks off has none.
func isSecurityKey(descriptor []byte) bool {
	if len(descriptor) > maxDescriptor {
		return false
	}
	var page, usage uint32
	depth := 0
	for len(descriptor) > 0 {
		item, value, rest, ok := nextItem(descriptor)
		if !ok {
			return false
		}
		descriptor = rest
		switch item {
		case itemUsagePage:
			page = value
		case itemUsage:
			usage = value
		case itemCollection:
			if depth == 0 && (page == pageFIDO && usage == usageCTAP || usage == pageFIDO<<16|usageCTAP) {
				return true
			}
			depth++
			usage = 0
		case itemEnd:
			depth--
			usage = 0
		}
	}
	return false
}

// nextItem takes the first item off: its type and tag, and its value.
func nextItem(descriptor []byte) (item byte, value uint32, rest []byte, ok bool) {
	first := descriptor[0]
	if first == itemLong {
		const head = 3
		if len(descriptor) < head || len(descriptor) < head+int(descriptor[1]) {
			return 0, 0, nil, false
		}
		return itemLong, 0, descriptor[head+int(descriptor[1]):], true
	}
	size := []int{0, 1, 2, 4}[first&sizeBits]
	if len(descriptor) < 1+size {
		return 0, 0, nil, false
	}
	var whole [4]byte
	copy(whole[:], descriptor[1:1+size])
	return first &^ sizeBits, binary.LittleEndian.Uint32(whole[:]), descriptor[1+size:], true
}
