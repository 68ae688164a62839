package native

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// inks are the colours of light and dark by name, as palette.h and palette.m have
// them.
func inks(t *testing.T) [2]map[string]int {
	t.Helper()
	var text [2]string
	for i, file := range []string{"palette.h", "palette.m"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(content)
	}
	_, names, _ := strings.Cut(text[0], "enum ink {")
	names, _, _ = strings.Cut(names, "};")
	order := regexp.MustCompile(`INK_[A-Z_]+`).FindAllString(names, -1)
	values := regexp.MustCompile(`0x[0-9a-f]{6}`).FindAllString(text[1], -1)
	order = order[:len(order)-1] // INK_COUNT
	if len(values) != 2*len(order) {
		t.Fatalf("%d colours for twice %d names", len(values), len(order))
	}
	var out [2]map[string]int
	for look := range out {
		out[look] = map[string]int{}
		for i, name := range order {
			value, err := strconv.ParseInt(values[look*len(order)+i], 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			out[look][name] = int(value)
		}
	}
	return out
}

// contrast is that of WCAG 2.1, from 1 to 21.
func contrast(a, b int) float64 {
	luminance := func(rgb int) float64 {
		sum := 0.0
		for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
			c := float64(rgb>>(8*i)&0xff) / 255
			if c <= 0.03928 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// TestContrast: WCAG 2.1 wants 7 of texts for the better grade and 4.5 for the
// usual one (1.4.3, 1.4.6), and 3 of what shows the focus (1.4.11).
func TestContrast(t *testing.T) {
	for look, colours := range inks(t) {
		for _, c := range []struct {
			ink, ground string
			least       float64
		}{
			{"INK_TEXT", "INK_GROUND", 7}, {"INK_TEXT", "INK_BOX", 7}, {"INK_QUIET", "INK_GROUND", 4.5}, {"INK_QUIET", "INK_BOX", 4.5},
			{"INK_ON_ACCENT", "INK_ACCENT", 4.5}, {"INK_ERROR", "INK_GROUND", 4.5}, {"INK_ERROR", "INK_ERROR_BOX", 4.5},
			{"INK_INFO", "INK_GROUND", 4.5}, {"INK_INFO", "INK_INFO_BOX", 4.5}, {"INK_ACCENT", "INK_GROUND", 3}, {"INK_ACCENT", "INK_BOX", 3},
		} {
			if got := contrast(colours[c.ink], colours[c.ground]); got < c.least {
				t.Errorf("%s: %s on %s is %.1f, want %.1f", []string{"light", "dark"}[look], c.ink, c.ground, got, c.least)
			}
		}
	}
	if got := contrast(0xffffff, 0); got != 21 {
		t.Errorf("white on black is %v", got)
	}
}
