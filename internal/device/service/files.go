package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Names of the files that the plug-in reads when the daemon does not answer.
const (
	gateFileName    = "gate.json"
	contactFileName = "contact.json"
)

// Accounts finds accounts by the short names of the policy's lists.
type Accounts interface {
	Named(ctx context.Context, name string) (factor.Account, error)
}

// setupAssistant is exempt by design §4, whatever the lists say.
const setupAssistant = "_mbsetupuser"

// gateFile is what the gate needs to decide alone: who is exempt by the policy
// in force, out of the accounts that are named in it or were seen before.
func gateFile(ctx context.Context, p *policy.Policy, accounts Accounts, seen []factor.Account, killSwitchPath string) wire.GateFile {
	f := wire.GateFile{V: wire.Version, Unavailable: policy.UnavailableDeny, KillSwitch: killSwitchPath, Exempt: []wire.GateExempt{}}
	if p == nil {
		return f
	}
	f.Unavailable = p.Unavailable.V
	byGUID := map[string]factor.Account{}
	for _, a := range seen {
		byGUID[a.GUID] = a
	}
	for _, name := range append([]string{setupAssistant}, p.MFANotRequiredList.V...) {
		if a, err := accounts.Named(ctx, name); err == nil {
			byGUID[a.GUID] = a
		}
	}
	for _, a := range byGUID {
		if !p.Governs(a.Name) {
			f.Exempt = append(f.Exempt, wire.GateExempt{GUID: a.GUID, Name: a.Name, UID: a.UID})
		}
	}
	sort.Slice(f.Exempt, func(i, j int) bool { return f.Exempt[i].UID < f.Exempt[j].UID })
	return f
}

// writeFile replaces a file whole: whoever reads it sees the old one or the new.
func writeFile(path string, mode os.FileMode, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(raw, '\n'))
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
