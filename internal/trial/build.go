package trial

import (
	"context"
	"fmt"
	"os"
)

// programs are the files that a World needs in its folder of programs.
func programs() []string {
	return []string{"latchkeyd", "latchkey-server", "latchkey", "latchkey-host", "Latchkey.so"}
}

// Build compiles the programs of a World, with clocks that can be moved, from
// the project in root into the folder bin. In a test with the race detector,
// daemon and server have it too.
func Build(ctx context.Context, root, bin string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("make the folder of the programs: %w", err)
	}
	if _, err := Command(ctx, nil, "make", "-C", root, "--no-print-directory", "trial-build", "TRIAL="+bin, "RACE="+raceFlag); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	return nil
}
