package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// pluginRows measures the library as it ships: without a panel of its own on
// Linux, stripped.
func pluginRows(ctx context.Context, m *mac) ([]row, error) {
	info, err := os.Stat(m.program("Latchkey.so"))
	if err != nil {
		return nil, err
	}
	var times []time.Duration
	for range 50 { // each in a process of its own, as the system loads it
		one, err := m.host(ctx, "", "create", m.program("Latchkey.so"))
		if err != nil {
			return nil, err
		}
		times = append(times, one...)
	}
	const largest, longest = 8 << 20, 8 * time.Millisecond
	return []row{
		{what: "plug-in: size of the library", figures: megabytes(info.Size()), target: megabytes(largest), within: info.Size() <= largest},
		{what: "plug-in: from dlopen to Create", figures: fmt.Sprintf("%s (slowest of %d: %s)", millis(median(times)), len(times), millis(quantile(times, 1))),
			target: millis(longest), within: median(times) <= longest},
	}, nil
}
