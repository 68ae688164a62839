package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/privacy"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func doctorCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Go through what a login and a recovery rest on, and say what to do",
		Long: "Go through what a login and a recovery rest on, and say what to do for each that is not good. What can be seen without\n" +
			"latchkeyd is looked at from here, the rest latchkeyd is asked for.",
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	files := cmd.Flags().String("files", places.Files, "folder of the gate, contact and kill-switch files")
	guards := cmd.Flags().Bool("privacy", false, "list instead what privacy settings of macOS may guard, and whether it has to be allowed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *guards {
			return printPrivacy(cmd, *asJSON)
		}
		return concludeChecks(cmd.OutOrStdout(), examine(cmd.Context(), *sockets, *files), *asJSON)
	}
	return cmd
}

func printPrivacy(cmd *cobra.Command, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), privacy.Guarded())
	}
	for _, a := range privacy.Guarded() {
		needed := "not needed"
		if a.Needed {
			needed = "NEEDED"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n  may be guarded by: %s; %s: %s\n", a.What, a.Guard, needed, a.Why)
	}
	return nil
}

// examine goes through everything. A daemon that does not answer is one finding
// among others: what lies behind it may be seen from here.
func examine(ctx context.Context, sockets, files string) []wire.Check {
	checks := folderChecks(files, sockets)
	if places.Plugins != "" {
		checks = append(checks, programCheck())
		checks = append(checks, rightChecks(ctx, files)...)
	}
	checks = append(checks, socketCheck(ctx, sockets))
	var r wire.DoctorReply
	err := ask(ctx, sockets, wire.MsgDoctor, wire.Dictionary{}, &r)
	return append(append(checks, checkOf("latchkeyd", "answers", "`sudo launchctl print system/dev.latchkey.servicedaemon` says how it stands; its log is in "+places.Log, err)), r.Checks...)
}

// folderChecks are about who can change what decides.
func folderChecks(files, sockets string) []wire.Check {
	var checks []wire.Check
	for _, f := range []struct {
		name, path string
		may        fs.FileMode // the most that its mode may be
	}{
		{"folder of the files", files, 0o755}, {"folder of the state", filepath.Join(files, "state"), 0o700}, {"folder of the sockets", sockets, 0o755},
		{"gate file", filepath.Join(files, "gate.json"), 0o600},
	} {
		checks = append(checks, checkOf(f.name, f.path, "start latchkeyd once, or install the package again: both put the modes right; find out who changed them", ownedBy(f.path, f.may)))
	}
	return checks
}

// ownedBy is nil where the path is root's, or this user's own, and open to no
// more than it may be.
func ownedBy(path string, may fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link", path)
	case !ok || owner.Uid != 0 && owner.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("%s does not belong to root", path)
	case info.Mode().Perm()&^may != 0:
		return fmt.Errorf("%s has the mode %04o: allowed is %04o at most", path, info.Mode().Perm(), may)
	}
	return nil
}

// programCheck is about the daemon's program, which launchd starts as root: who
// can change it, or a folder above it, is root.
func programCheck() wire.Check {
	path := filepath.Join(places.Programs, "latchkeyd")
	err := ownedBy(path, 0o755)
	for dir := filepath.Dir(path); err == nil; dir = filepath.Dir(dir) {
		err = ownedBy(dir, 0o775) // /Library is root's and admin's on some Macs
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return checkOf("latchkeyd's program", path, "install the package again, and find out who changed it", err)
}

// socketPatience is how long a socket is waited for.
const socketPatience = 3 * time.Second

// socketCheck says hello at each socket, as the login window does.
func socketCheck(ctx context.Context, sockets string) wire.Check {
	var failures []string
	for _, role := range []string{wire.RolePrompt, wire.RoleGate, wire.RoleControl, wire.RoleSession} {
		dial, cancel := context.WithTimeout(ctx, socketPatience)
		c, err := xipc.Dial(dial, filepath.Join(sockets, role+".sock"), xipc.ClientOptions{Role: role, ServerUIDs: xipc.DefaultServerUIDs(), Timeout: socketPatience})
		cancel()
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		_ = c.Close()
	}
	var err error
	if len(failures) > 0 {
		err = errors.New(strings.Join(failures, "; "))
	}
	return checkOf("sockets", "prompt, gate, control and session answer", "is latchkeyd running, and are you root? Until the gate's answers, the login window goes by LatchkeyUnavailablePolicy", err)
}
