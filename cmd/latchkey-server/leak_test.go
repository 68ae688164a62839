package main

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// leakless is a testing.M that fails when its tests leave a goroutine.
// testscript ends the process by itself, so goleak's own form does not fit.
type leakless struct{ tests interface{ Run() int } }

func (l leakless) Run() int {
	code := l.tests.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
