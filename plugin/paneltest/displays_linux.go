package paneltest

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// configuration is an X server that draws nowhere, on displays that are plugged
// in and out by xrandr. It looks for no hardware of the machine's.
const configuration = `Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "AutoEnableDevices" "false"
  Option "DontVTSwitch" "true"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 65536
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5.0-1000.0
  VertRefresh 5.0-200.0
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
EndSection
`

// Where the two displays of StartMany are: the second to the right of the first.
func first() image.Rectangle  { return image.Rect(0, 0, 1024, 768) }
func second() image.Rectangle { return image.Rect(1024, 0, 1024+800, 600) }

// First and Second are where the two displays of StartMany stand.
func (d *Display) First() image.Rectangle { return first() }

// Second is only there while it is plugged in.
func (d *Display) Second() image.Rectangle { return second() }

// StartMany is a desk with two displays beside each other, of which the second
// can be plugged in and out, until the test ends. It has no Picture: tools that
// take one of several displays disagree about its form.
func StartMany(t testing.TB) *Display {
	t.Helper()
	Needs(t, "Xorg", "xrandr", "xdotool")
	if os.Geteuid() != 0 && os.Getenv("CI") == "true" {
		t.Fatal("only root starts an Xorg that has no terminal")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root starts an Xorg that has no terminal")
	}
	d := &Display{t: t, dir: t.TempDir()}
	file := filepath.Join(d.dir, "xorg.conf")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	d.serve(exec.Command("Xorg", "-displayfd", "3", "-config", file, "-configdir", d.dir, "-noreset", "-nolisten", "tcp", "-ac", "-novtswitch", "-sharevts",
		"-logfile", filepath.Join(d.dir, "log")))
	d.randr("--output", "DUMMY0", "--mode", fmt.Sprintf("%dx%d", first().Dx(), first().Dy()))
	d.randr("--addmode", "DUMMY1", fmt.Sprintf("%dx%d", second().Dx(), second().Dy()))
	d.Plug()
	return d
}

func (d *Display) randr(args ...string) {
	d.t.Helper()
	if out, err := d.run("xrandr", args...); err != nil {
		d.t.Fatalf("xrandr %q: %v\n%s", args, err, out)
	}
}

// Plug plugs the second display in.
func (d *Display) Plug() {
	d.t.Helper()
	d.randr("--output", "DUMMY1", "--mode", fmt.Sprintf("%dx%d", second().Dx(), second().Dy()), "--right-of", "DUMMY0")
}

// Unplug takes it away.
func (d *Display) Unplug() {
	d.t.Helper()
	d.randr("--output", "DUMMY1", "--off")
}

// geometry is of what xdotool prints of a window.
var geometry = regexp.MustCompile(`Position: (-?\d+),(-?\d+)[^\n]*\n\s*Geometry: (\d+)x(\d+)`)

// StandsIn waits until the whole window is on that display.
func (d *Display) StandsIn(display image.Rectangle) {
	d.t.Helper()
	var at image.Rectangle
	d.Until(fmt.Sprintf("the window stands in %v", display), func() bool {
		out, _ := d.run("xdotool", "getwindowgeometry", d.window())
		at = rectangle(geometry.FindStringSubmatch(out))
		return !at.Empty() && at.In(display)
	})
}

func rectangle(found []string) image.Rectangle {
	if found == nil {
		return image.Rectangle{}
	}
	var n [4]int
	for i, text := range found[1:] {
		n[i], _ = strconv.Atoi(text) // digits, by the pattern
	}
	return image.Rect(n[0], n[1], n[0]+n[2], n[1]+n[3])
}
