package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptExamples runs the examples of a page of the documentation, one after the
// other, in one shell on the script's server: examples FILE. What they print is
// in the file examples.out.
func scriptExamples(ts *testscript.TestScript, _ bool, args []string) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				ts.Fatalf("%s is not installed", tool)
			}
			ts.Logf("the examples are not run: %v", err)
			ts.Check(os.WriteFile(ts.MkAbs("examples.out"), []byte("skipped\n"), 0o600))
			return
		}
	}
	page := ts.ReadFile(args[0])
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		script.WriteString(strings.ReplaceAll(block[1], "https://mfa.example.com:8443", ts.Getenv("LATCHKEY_SERVER")))
	}
	ts.Check(os.WriteFile(ts.MkAbs("examples.sh"), []byte(script.String()), 0o600))
	// -u and -e: an example that fails, or that names what there is not, stops it.
	ts.Setenv("CURL_CA_BUNDLE", ts.Getenv("LATCHKEY_CA_FILE"))
	err := ts.Exec("bash", "-euo", "pipefail", "-c", "source ./examples.sh > examples.out")
	if err != nil {
		ts.Fatalf("the examples of %s: %v", args[0], err)
	}
}
