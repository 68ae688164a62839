package macos

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"time"
)

// Bounds of OpenDirectory: a directory on the network may be slow, and a login
// waits for it.
const (
	directoryLimit = 10 * time.Second
	directoryCalls = 8
	maxValues      = 100
)

// OpenDirectory reads whole records, by the search policy of this Mac: its own
// accounts first, then those of the directories that it is bound to.
type OpenDirectory struct {
	*foundation
	calls    *Calls
	newNode  func(alloc, session, name uintptr, failed *uintptr) uintptr
	record   func(node, kind, name, attributes uintptr, failed *uintptr) uintptr
	valuesOf func(record, attribute uintptr, failed *uintptr) uintptr
}

// NewOpenDirectory binds the framework.
func NewOpenDirectory() (*OpenDirectory, error) {
	f, err := openFoundation()
	if err != nil {
		return nil, err
	}
	lib, err := openLibrary(frameworks + "OpenDirectory.framework/Frameworks/CFOpenDirectory.framework/CFOpenDirectory")
	if err != nil {
		return nil, err
	}
	d := &OpenDirectory{foundation: f, calls: NewCalls(directoryCalls, directoryLimit)}
	return d, lib.bind(map[string]any{"ODNodeCreateWithName": &d.newNode, "ODNodeCopyRecord": &d.record, "ODRecordCopyValues": &d.valuesOf})
}

// ByUID finds the user whom the system knows by uid. The error wraps ErrNoUser
// or ErrHung.
func (d *OpenDirectory) ByUID(ctx context.Context, uid uint32) (User, error) {
	return Do(ctx, d.calls, fmt.Sprintf("look for uid %d in OpenDirectory", uid), func() (User, error) {
		known, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
		var none user.UnknownUserIdError
		if errors.As(err, &none) {
			return User{}, ErrNoUser
		}
		if err != nil {
			return User{}, err
		}
		found, err := d.named(known.Username)
		if err == nil && found.UID != uid {
			// Refused by default: two records of one name are two people.
			err = fmt.Errorf("the record of %q has uid %d", known.Username, found.UID)
		}
		return found, err
	})
}

func (d *OpenDirectory) named(name string) (User, error) {
	if err := CheckShortName(name); err != nil {
		return User{}, err
	}
	o := d.owned()
	defer o.end()
	search, kind, wanted := o.text("/Search"), o.text("dsRecTypeStandard:Users"), o.text(name)
	attributes := userAttributes()
	keys := make([]uintptr, len(attributes))
	for i, a := range attributes {
		keys[i] = o.text(a)
	}
	list := o.array(keys...)
	if o.err != nil {
		return User{}, o.err
	}
	var failed uintptr
	node := o.keep(d.newNode(0, 0, search, &failed))
	if node == 0 {
		return User{}, d.failure(o, "open the search policy", failed)
	}
	record := o.keep(d.record(node, kind, wanted, list, &failed))
	if record == 0 && failed == 0 {
		return User{}, ErrNoUser
	}
	if record == 0 {
		return User{}, d.failure(o, "read the record", failed)
	}
	values := map[string][]string{}
	for i, a := range attributes {
		values[a] = d.values(o, record, keys[i])
	}
	return parseUser(values)
}

// values of an attribute; none for one that the record does not have, which
// parseUser names where it is needed.
func (d *OpenDirectory) values(o *owned, record, attribute uintptr) (found []string) {
	var failed uintptr
	list := o.keep(d.valuesOf(record, attribute, &failed))
	o.keep(failed)
	if list == 0 || d.each(list, maxValues, func(ref uintptr) { found = append(found, d.readText(ref)) }) != nil {
		return nil
	}
	return found
}

func (d *OpenDirectory) failure(o *owned, doing string, failed uintptr) error {
	if o.keep(failed) == 0 {
		return fmt.Errorf("%s: OpenDirectory does not say why", doing)
	}
	return fmt.Errorf("%s: OpenDirectory's error %d", doing, d.errorCode(failed))
}
