package loginright

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Database is the authorization database: Authd, or a test's.
type Database interface {
	Read(ctx context.Context, right string) ([]byte, error)
	Write(ctx context.Context, right string, xml []byte) error
}

// Editor arms and disarms the right of the login window.
type Editor struct {
	Database Database
	// Lock keeps other editors of ours (the daemon, the command line) out until
	// the function that it returns is called. Other products cannot be kept out.
	Lock func(ctx context.Context) (unlock func(), err error)
}

// Change is what was found, and what was left.
type Change struct {
	Before, After Right
	Wrote         bool // the database was written to
}

// tries is how often a right that somebody else edits meanwhile is begun with
// again.
const tries = 3

// ErrContended: somebody else changes the right whenever we do.
var ErrContended = errors.New("another program changes the login right at the same time")

// Read is the right of the login window.
func (e Editor) Read(ctx context.Context) (Right, error) {
	raw, err := e.Database.Read(ctx, Console)
	if err != nil {
		return Right{}, err
	}
	r, err := Parse(raw)
	if err != nil {
		return Right{}, fmt.Errorf("read the right %s: %w", Console, err)
	}
	return r, nil
}

// Arm puts our mechanisms into the right and reads it again. When it fails,
// none of ours is left in it, as far as authd lets us.
func (e Editor) Arm(ctx context.Context) (Change, error) {
	unlock, err := e.Lock(ctx)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	c, err := e.change(ctx, Right.Arm)
	if err != nil && c.Wrote {
		// Half of our list may be there, and half of it locks everybody out.
		_, undone := e.change(context.WithoutCancel(ctx), Right.Disarm)
		err = errors.Join(err, undone)
	}
	return c, err
}

// Disarm takes our mechanisms out of the right and reads it again. Only when it
// returns no error may the bundle be removed.
func (e Editor) Disarm(ctx context.Context) (Change, error) {
	unlock, err := e.Lock(ctx)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	return e.change(ctx, Right.Disarm)
}

// change edits, and holds what came of it against what was meant. The database
// has no lock of its own: the right is read a second time directly before it is
// written, and what another product did in between is kept by beginning again.
func (e Editor) change(ctx context.Context, edit func(Right) (Right, error)) (c Change, err error) {
	for range tries {
		if c.Before, err = e.Read(ctx); err != nil {
			return c, err
		}
		c.After = c.Before
		want, err := edit(c.Before)
		if err != nil {
			return c, err
		}
		if slices.Equal(want.Mechanisms(), c.Before.Mechanisms()) {
			return c, nil
		}
		again, err := e.Database.Read(ctx, Console)
		if err != nil {
			return c, err
		}
		if !bytes.Equal(again, c.Before.raw) {
			continue
		}
		c.Wrote = true // from here on the tool may have done it, whatever it says
		// Looked at to its end, also where we are told to end meanwhile: else what
		// was armed would be taken for failed, and undone.
		if done, err := e.write(context.WithoutCancel(ctx), &c, want); err != nil || done {
			return c, err
		}
	}
	return c, ErrContended
}

// write writes and looks. It is not done when the list is another than was
// meant, which somebody else's edit may have made so.
func (e Editor) write(ctx context.Context, c *Change, want Right) (done bool, err error) {
	if err := e.Database.Write(ctx, Console, want.raw); err != nil {
		return false, err
	}
	if c.After, err = e.Read(ctx); err != nil {
		return false, err
	}
	if !slices.Equal(c.After.Mechanisms(), want.Mechanisms()) {
		return false, nil
	}
	if key := otherKey(want.raw, c.After.raw); key != "" {
		return false, fmt.Errorf("authd has taken the list, and key %q has another value than before", key)
	}
	return true, nil
}

// otherKey is a key that two rights do not have the same value of; "" for none.
// When it was changed is authd's own to say.
func otherKey(before, after []byte) string {
	was, is := keysOf(before), keysOf(after)
	for key := range was {
		if !reflect.DeepEqual(was[key], is[key]) {
			return key
		}
	}
	for key := range is {
		if _, known := was[key]; !known {
			return key
		}
	}
	return ""
}

func keysOf(raw []byte) map[string]plist.Value {
	found := map[string]plist.Value{}
	document, err := plist.Parse(raw)
	if err != nil {
		return found
	}
	for _, e := range document.Root.Entries {
		if e.Key != "modified" && e.Key != "created" && e.Key != "mechanisms" {
			found[e.Key] = withoutPlaces(e.Value)
		}
	}
	return found
}

// withoutPlaces is the value wherever in a file it stands.
func withoutPlaces(v plist.Value) plist.Value {
	v.At = plist.Position{}
	v.Items, v.Entries = slices.Clone(v.Items), slices.Clone(v.Entries)
	for i := range v.Items {
		v.Items[i] = withoutPlaces(v.Items[i])
	}
	for i := range v.Entries {
		v.Entries[i].At = plist.Position{}
		v.Entries[i].Value = withoutPlaces(v.Entries[i].Value)
	}
	return v
}
