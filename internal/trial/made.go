package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// madeOrg is the data folder of an org whose server has not run yet, and who may
// ask it: made by the server's own commands, once for all trials of a process
// with the same programs, since each of the commands is a whole program to start.
type madeOrg struct {
	once   sync.Once
	err    error
	client OrgClient
	files  map[string][]byte // by their names in the trial's folder
}

// orgs are by the folder of the programs.
var orgs sync.Map

func (w *World) initServer() error {
	if w.options.OwnOrg {
		return w.makeOrg()
	}
	found, _ := orgs.LoadOrStore(w.options.Bin, &madeOrg{})
	made, ok := found.(*madeOrg)
	if !ok {
		return fmt.Errorf("an org is a %T", found)
	}
	made.once.Do(func() { made.err = made.make(w) })
	if made.err != nil {
		return made.err
	}
	w.client = made.client
	for name, raw := range made.files {
		path := w.Path(name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, raw, 0o600)); err != nil {
			return fmt.Errorf("lay out the org: %w", err)
		}
	}
	return nil
}

// make has the commands of the first trial's server do it, in a folder of its own.
func (m *madeOrg) make(w *World) error {
	dir, err := os.MkdirTemp("", "latchkey-org-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	of := &World{Dir: dir, Bin: w.Bin, ctx: context.WithoutCancel(w.ctx), options: w.options}
	if err := of.makeOrg(); err != nil {
		return err
	}
	m.client, m.files = of.client, map[string][]byte{}
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		m.files[name], err = os.ReadFile(path)
		return err
	})
}

func (w *World) makeOrg() error {
	if _, err := Command(w.ctx, nil, w.server(), "init", "--data", w.Path("server")); err != nil {
		return err
	}
	if err := w.onServerJSON(&w.client, "client", "add", "Macs"); err != nil {
		return err
	}
	for who, role := range map[string]string{HelpDesk: "help-desk-admin", Admin: "super-admin"} {
		text, err := Command(w.ctx, nil, w.server(), "token", "create", "--data", w.Path("server"), "--role", role, "--login", who+"@example.com", "--name", "trial")
		if err != nil {
			return err
		}
		if err := os.WriteFile(w.Token(who), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
