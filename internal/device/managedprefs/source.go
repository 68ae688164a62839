package managedprefs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Clock tells the time of a change, and for how long a profile has been gone.
type Clock interface {
	Wall() time.Time
	Continuous() time.Duration
}

// Reader reads the forced settings as one property list. The error is
// fs.ErrNotExist when nothing is forced, and an *Untrusted when what is there
// must not be believed.
type Reader interface {
	Read(ctx context.Context) ([]byte, error)
}

// Options of a Source.
type Options struct {
	Clock  Clock
	Reader Reader // nil: the file in the folder
}

// Source yields the policy in force. It is safe for concurrent use.
type Source struct {
	clock  Clock
	reader Reader

	mu    sync.Mutex
	last  Snapshot
	since time.Duration // of last.State, on the continuous clock
}

// New is a source that reads the file <dir>/com.okta.deviceaccess.servicedaemon.plist,
// unless the options name another reader.
func New(dir string, o Options) *Source {
	s := &Source{clock: o.Clock, reader: o.Reader}
	if s.reader == nil {
		s.reader = File{Dir: dir}
	}
	s.enter(Never)
	return s
}

// Restore puts the last good property list, which the caller kept, into force
// until a good one is read. It does nothing for a source that has read one.
func (s *Source) Restore(raw []byte) error {
	p, problems := parse(raw)
	if p == nil {
		return fmt.Errorf("restore the last good policy: %s", problems[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Policy == nil {
		s.last.Policy, s.last.Raw, s.last.SHA256 = p, raw, sum(raw)
	}
	return nil
}

// Read looks now. The error is the context's; whatever is wrong with the
// profile stands in the snapshot.
func (s *Source) Read(ctx context.Context) (Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return Snapshot{}, err
	}
	raw, err := s.reader.Read(ctx)
	if ctxErr := ctx.Err(); ctxErr != nil {
		return Snapshot{}, ctxErr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.absent()
	case err != nil:
		s.bad(policy.Problems{unreadable(err)})
	default:
		s.take(raw)
	}
	return s.snapshot(), nil
}

// Last is the snapshot of the last look, with GoneFor of now.
func (s *Source) Last() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot()
}

// Watch looks at once and then at every interval, and calls changed after the
// first look and whenever something differs, until the context ends. It does
// not tell that a profile has been gone for longer: see Last.
func (s *Source) Watch(ctx context.Context, interval time.Duration, changed func(Snapshot)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var told *Snapshot
	for {
		now, err := s.Read(ctx)
		if err != nil {
			return
		}
		if told == nil || differs(*told, now) {
			changed(now)
			told = &now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func differs(a, b Snapshot) bool {
	return a.State != b.State || a.SHA256 != b.SHA256 || !reflect.DeepEqual(a.Problems, b.Problems)
}

func (s *Source) snapshot() Snapshot {
	out := s.last
	if out.State == Gone {
		out.GoneFor = s.clock.Continuous() - s.since
	}
	return out
}

// enter notes the time of a change of state.
func (s *Source) enter(state State) {
	if s.last.State != state {
		s.last.State, s.last.At, s.since = state, s.clock.Wall(), s.clock.Continuous()
	}
}

func (s *Source) absent() {
	s.last.Problems = nil
	if s.last.Policy == nil {
		s.enter(Never)
		return
	}
	s.enter(Gone)
}

func (s *Source) bad(problems policy.Problems) {
	s.last.Problems = problems
	s.enter(Bad)
}

func (s *Source) take(raw []byte) {
	hash := sum(raw)
	if s.last.State == Good && s.last.SHA256 == hash {
		return
	}
	p, problems := parse(raw)
	if p == nil {
		s.bad(problems)
		return
	}
	if s.last.State == Good {
		s.last.At = s.clock.Wall()
	}
	s.last.Policy, s.last.Raw, s.last.SHA256, s.last.Problems = p, raw, hash, problems
	s.enter(Good)
}

func sum(raw []byte) string {
	hash := sha256.Sum256(raw)
	return hex.EncodeToString(hash[:])
}

func parse(raw []byte) (*policy.Policy, policy.Problems) {
	d, err := plist.Parse(raw)
	var malformed *plist.Error
	if errors.As(err, &malformed) {
		return nil, policy.Problems{{
			Key: FileName, Value: "malformed", Allowed: "an XML or binary property list", Hint: malformed.Error(),
			Line: malformed.At.Line, Column: malformed.At.Column, Severity: policy.Error,
		}}
	}
	if err != nil {
		return nil, policy.Problems{unreadable(err)}
	}
	return policy.FromDocument(d)
}

// unreadable turns an error of the reader into a problem.
func unreadable(err error) policy.Problem {
	p := policy.Problem{Key: FileName, Value: "unreadable", Allowed: "a file that the daemon can read", Hint: err.Error(), Severity: policy.Error}
	var untrusted *Untrusted
	if errors.As(err, &untrusted) {
		p.Value, p.Allowed, p.Hint = untrusted.Found, untrusted.Allowed, "whoever can write it could turn the second factor off"
	}
	return p
}
