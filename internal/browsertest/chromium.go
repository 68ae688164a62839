package browsertest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// MaxLife is how long a browser may be open. A test that waits for what never
// comes fails then, with the page at hand.
const MaxLife = 2 * time.Minute

// Chromium is a browser whose window has that size, in pixels, and whose steps
// take the context. More flags are Chromium's own, without their dashes. Where
// it is not installed the test is skipped, in CI it fails.
func Chromium(t testing.TB, width, height int, more ...string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(width, height))
	for _, flag := range append([]string{"disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"}, more...) {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, MaxLife)
	t.Cleanup(stop)
	// The browser lives as long as the context of its first step.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// Until waits for a script to be true, on whichever page it is: another one may
// come meanwhile, and Chromium forgets what was asked of the one before.
func Until(ctx context.Context, script string) error {
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](script))
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "context with specified id") {
			return err
		}
	}
}
