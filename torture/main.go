package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "torture: error: %v\n", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	o := options{out: os.Stdout}
	var long time.Duration
	cmd := &cobra.Command{
		Use: "torture", Short: "Kill the daemon and the server, and compare what is left with what must be", Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begun := time.Now()
			if long > 0 {
				if err := soak(cmd.Context(), o, long); err != nil {
					return err
				}
				fmt.Fprintf(o.out, "memory, descriptors and threads are flat over %d days of %d people, in %s\n", soakDays, o.users, time.Since(begun).Round(time.Second))
				return nil
			}
			done, err := worlds(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.out, "nothing was lost, doubled, shortened or reopened: %s, in %s\n", done, time.Since(begun).Round(time.Second))
			return nil
		},
	}
	cmd.Flags().StringVar(&o.bin, "bin", "bin/demo", "folder of the programs (make trial-build)")
	cmd.Flags().StringVar(&o.profile, "profile", "testdata/profiles/jamf-pro.plist", "the published profile to tailor")
	cmd.Flags().IntVar(&o.users, "users", 2, "people at the Mac")
	cmd.Flags().DurationVar(&long, "soak", 0, "kill nothing: play days for about that long, and look at memory and descriptors")
	cmd.Flags().IntVar(&o.kills, "kills", 3000, "how many SIGKILLs")
	cmd.Flags().IntVar(&o.faultsIn, "faults", 3, "let a disk fail, one time in so many that the books are compared; 0 for never (needs strace)")
	cmd.Flags().Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what is done in which order; the moments of the kills are the machine's")
	return cmd
}

// killsInAWorld is after how many kills a run begins anew: by then months have
// passed there, and certificates and tokens come to their end.
const killsInAWorld = 500

// worlds runs one world after the other.
func worlds(ctx context.Context, o options) (stats, error) {
	var total stats
	for left := o.kills; left > 0; left -= killsInAWorld {
		world := o
		world.kills = min(left, killsInAWorld)
		r, err := newRun(ctx, world)
		if err != nil {
			return total, err
		}
		if err := r.play(); err != nil {
			return total, err
		}
		total.add(r.stats)
		fmt.Fprintf(o.out, "seed %d: %s\n", world.seed, r.stats)
		o.seed++
	}
	return total, nil
}

// tailored is the published profile with an offline period that outlasts every
// run: that period has tests of its own.
func tailored(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the published profile: %w", err)
	}
	short := "<key>LoginPeriodWithOfflineFactor</key>\n<real>24</real>"
	if !strings.Contains(string(raw), short) {
		return "", fmt.Errorf("the profile %s has no LoginPeriodWithOfflineFactor of 24 hours", file)
	}
	f, err := os.CreateTemp("", "profile-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = f.WriteString(strings.Replace(string(raw), short, "<key>LoginPeriodWithOfflineFactor</key><real>1000000</real>", 1))
	return f.Name(), err
}
