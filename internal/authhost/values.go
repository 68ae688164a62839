package authhost

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Flags of a context value (AuthorizationPlugin.h).
const (
	flagExtractable = 1 << 0
	flagVolatile    = 1 << 1
	flagSticky      = 1 << 2
)

// Keys that the built-in mechanisms write (AuthorizationTags.h and
// AuthorizationTagsPriv.h).
const (
	keyUsername = "username"
	keyPassword = "password"
	keyUID      = "uid"
	keyGID      = "gid"
	keyHome     = "home"
	keyTries    = "tries"
	keyReason   = "reason"
	keyFVUser   = "fvusername"
)

// value is a hint or a context value: bytes, whatever they mean.
type value struct {
	flags uint32 // 0 for hints
	data  []byte
}

// values are hints or context, by name.
type values map[string]value

func (v values) setText(key string, flags uint32, text string) {
	// Apple's mechanisms count the trailing NUL in the length.
	v[key] = value{flags, append([]byte(text), 0)}
}

func (v values) setNumber(key string, flags uint32, number uint32) {
	// Raw bytes in the order of the machine, as a uid_t is; every Mac and every
	// machine this runs on is little-endian.
	v[key] = value{flags, []byte{byte(number), byte(number >> 8), byte(number >> 16), byte(number >> 24)}}
}

// text is a value without the NUL bytes at its end.
func (v values) text(key string) string {
	return string(bytes.TrimRight(v[key].data, "\x00"))
}

// number is a value of four bytes.
func (v values) number(key string) (uint32, bool) {
	d := v[key].data
	if len(d) != 4 {
		return 0, false
	}
	return uint32(d[0]) | uint32(d[1])<<8 | uint32(d[2])<<16 | uint32(d[3])<<24, true
}

// sticky are the values that survive a denial.
func (v values) sticky() values {
	kept := values{}
	for key, one := range v {
		if one.flags&flagSticky != 0 {
			kept[key] = one
		}
	}
	return kept
}

// wipe overwrites all values, so that a password does not outlive its use.
func (v values) wipe() {
	for _, one := range v {
		clear(one.data)
	}
}

// changes names what differs between before and v, removed names with a minus.
// Values never appear.
func (v values) changes(before values) string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(v)) {
		old, there := before[key]
		if !there || old.flags != v[key].flags || !bytes.Equal(old.data, v[key].data) {
			names = append(names, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, there := v[key]; !there {
			names = append(names, "-"+key)
		}
	}
	return strings.Join(names, " ")
}
