package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// ErrUnavailable: there is no policy to decide by, or the store waits to be
// rebuilt. The gate answers as LatchkeyUnavailablePolicy says.
var ErrUnavailable = errors.New("no policy is in force")

// Directory knows the accounts of this machine.
type Directory interface {
	// Lookup finds an account by the uid that builtin:authenticate put into
	// the context.
	Lookup(ctx context.Context, uid uint32) (factor.Account, error)
}

// Policy is the policy in force.
type Policy interface {
	// Rules are the account's. The error wraps ErrUnavailable when there are
	// none.
	Rules(factor.Account) (login.Rules, error)
	// AllowUnavailable is what the gate answers with ErrUnavailable.
	AllowUnavailable() bool
	// PINDuration is DeviceRecoveryPINDuration.
	PINDuration() time.Duration
}

// Recovery is what the conversation needs of package recovery.
type Recovery interface {
	Register(guid string) error
	Window(guid string, inForce time.Duration) (left time.Duration, until time.Time, err error)
	FactorSucceeded(guid string) error
	EndWindow(guid, reason string) error
}

// Org are the settings of the org that a login depends on.
type Org interface {
	RecoveryOn() bool
	EndWindowOnEnrol() bool
}

// Records is where accounts are kept.
type Records interface {
	Read(key string) ([]byte, error)
	List(prefix string, limit int) (keys []string, values [][]byte, err error)
	Write(changes map[string][]byte) error
}

// Journal takes events; Record returns when the event is on the disk.
type Journal interface {
	Record(name, guid string, detail ...string) error
}

// Time is the trusted time.
type Time interface {
	Now() trustedtime.Reading
	Observe() (trustedtime.Reading, error)
}

// Unlocker is a factor that has a lock-out of its own, which ends when the
// account gets in by an online factor or a recovery PIN.
type Unlocker interface{ Succeeded(guid string) error }

// KillSwitch reports whether the kill-switch file is there.
type KillSwitch func() bool

// Manager runs the conversations of all accounts. All fields are needed.
type Manager struct {
	Directory  Directory
	Policy     Policy
	Recovery   Recovery
	Org        Org
	Records    Records
	Journal    Journal
	Time       Time
	KillSwitch KillSwitch
	Factors    []factor.Registered                // those of AllowedFactors
	PIN        []factor.Registered                // the recovery PIN's two screens
	Linker     factor.Linker                      // to users of the org
	Look       func(context.Context)              // waits a moment for what can be known of the org
	Deadline   func(left time.Duration) time.Time // for a countdown on a screen
	Report     func(doing string, err error)
	Kick       func()               // asks for a check-in soon
	Exempted   func(factor.Account) // an account that needs no factor was let in

	mu      sync.Mutex
	current map[spoken]*Conversation
	tickets map[uint32]ticket
	late    sync.WaitGroup
}

// Wait returns when every event that was answered before it was written is on
// the disk. The daemon calls it as it stops.
func (m *Manager) Wait() { m.late.Wait() }

func (m *Manager) registered(kind string) (factor.Registered, bool) {
	for _, list := range [][]factor.Registered{m.Factors, m.PIN} {
		for _, r := range list {
			if r.Kind == kind {
				return r, true
			}
		}
	}
	return factor.Registered{}, false
}

// facts gathers what the engine wants to know.
func (m *Manager) facts(ctx context.Context, account factor.Account) (login.Facts, error) {
	f := login.Facts{KillSwitch: m.KillSwitch()}
	any := false
	for _, r := range m.Factors {
		enrolled, reason := r.Factor.Ready(ctx, account)
		any = any || enrolled
		method := login.Method{Kind: r.Kind, Label: r.Label, Online: r.Online, Enrolled: enrolled, Reason: string(reason)}
		if r.Enrol != nil {
			method.Have, method.CanEnrol = r.Enrol.Count(account)
		}
		f.Methods = append(f.Methods, method)
	}
	linked, reason := m.Linker.Ready(ctx, account)
	f.Linked, f.LinkReason = linked, string(reason)
	rec, err := m.noted(account.GUID, any)
	if err != nil {
		return login.Facts{}, err
	}
	f.Met = rec.Name != "" // a server's word about the account does not name it
	f.FirstGoverned, f.HadFactor, f.OfflineFrom, f.News = rec.FirstGovernedAt, rec.HadFactor, rec.OfflineFrom, rec.News
	f.Window, _, err = m.Recovery.Window(account.GUID, m.Policy.PINDuration())
	return f, err
}

// noted is the account's record. A factor that is there without the record
// knowing was set up by a process that was killed before it could note it.
func (m *Manager) noted(guid string, hasFactor bool) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, err := m.record(guid)
	if err != nil || rec.HadFactor || !hasFactor {
		return rec, err
	}
	rec.enrolled(m.Time.Now().Time)
	return rec, m.keep(guid, rec)
}
