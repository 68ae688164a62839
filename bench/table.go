package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table: a ratio where there is one, and the absolute
// figures behind it.
type row struct {
	what    string
	ratio   float64 // 0 where there is nothing to compare with
	figures string
	target  string // "" where none was set
	within  bool
}

type table struct{ rows []row }

func (t table) print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n\n", machine())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tratio\tmeasured\ttarget\t")
	slices.SortStableFunc(t.rows, ratiosFirst)
	for _, r := range t.rows {
		ratio, verdict := "", ""
		if r.ratio != 0 {
			ratio = fmt.Sprintf("%.2fx", r.ratio)
		}
		if r.target != "" {
			verdict = map[bool]string{true: "within target", false: "MISSED"}[r.within]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, ratio, r.figures, r.target, verdict)
	}
	return w.Flush()
}

// ratiosFirst: a ratio says the same on another machine.
func ratiosFirst(a, b row) int {
	rank := map[bool]int{true: 0, false: 1}
	return rank[a.ratio != 0] - rank[b.ratio != 0]
}

// machine names what the figures were taken on.
func machine() string {
	model := "processor unknown"
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores of %s, %s/%s %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(release)), runtime.Version())
}

func median[T time.Duration | int64 | float64](all []T) T { return quantile(all, 0.5) }

func quantile[T time.Duration | int64 | float64](all []T, q float64) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
func megabytes(bytes int64) string  { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }
