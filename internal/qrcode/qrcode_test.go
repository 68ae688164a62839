package qrcode_test

import (
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
)

// What is drawn is read back in the tests of those who draw: the terminal panel
// and the page of package agent.

func TestWhatDoesNotFitIsNothing(t *testing.T) {
	if got := qrcode.SVG(strings.Repeat("x", 5000)); got != "" {
		t.Errorf("%.40q", got)
	}
	if got := qrcode.Lines(strings.Repeat("x", 5000), qrcode.QuietSmall, true); got != nil {
		t.Errorf("%d lines", len(got))
	}
}
