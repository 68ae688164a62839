package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const orgKey = "org/state"

// Keep is where small records are kept.
type Keep interface {
	Read(key string) ([]byte, error)
	Write(changes map[string][]byte) error
}

// org is what the server has told of the organization, and which of its
// commands are done.
type org struct {
	keep Keep

	mu    sync.Mutex
	state orgState
}

type orgState struct {
	Known    bool          `json:"known"` // a check-in was answered
	Settings wire.Settings `json:"settings"`
	Done     []string      `json:"done,omitempty"` // commands carried out, to be acknowledged
}

func openOrg(keep Keep) (*org, error) {
	o := &org{keep: keep}
	raw, err := keep.Read(orgKey)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &o.state)
	}
	if err != nil {
		return nil, fmt.Errorf("read the org's settings: %w", err)
	}
	return o, nil
}

func (o *org) change(change func(*orgState)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := o.state
	next.Done = slices.Clone(o.state.Done)
	change(&next)
	raw, err := json.Marshal(next)
	if err == nil {
		err = o.keep.Write(map[string][]byte{orgKey: raw})
	}
	if err != nil {
		return fmt.Errorf("write the org's settings: %w", err)
	}
	o.state = next
	return nil
}

func (o *org) now() orgState { o.mu.Lock(); defer o.mu.Unlock(); return o.state }

// RecoveryOn implements session.Org. Before the first check-in a secret may be
// made; it leaves the device only once the server is known.
func (o *org) RecoveryOn() bool { s := o.now(); return !s.Known || s.Settings.Recovery }

// EndWindowOnEnrol implements session.Org.
func (o *org) EndWindowOnEnrol() bool { return o.now().Settings.EndWindowOnEnrol }
