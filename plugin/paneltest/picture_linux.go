package paneltest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"time"
)

// Picture is what is on the display now.
func (d *Display) Picture() *image.RGBA {
	d.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, "Xvfb_screen0"))
	if err != nil {
		d.t.Fatal(err)
	}
	picture, err := decode(raw)
	if err != nil {
		d.t.Fatal(err)
	}
	return picture
}

// The words of a header of an X window dump that are looked at, by their place.
const (
	headerSize = 0
	width      = 4
	height     = 5
	byteOrder  = 7
	perPixel   = 11
	perLine    = 12
	colours    = 19
	words      = 25
)

var errDump = errors.New("this is no window dump of four bytes to a pixel")

// decode reads the file in which the X server keeps its screen: XWD, version 7.
func decode(raw []byte) (*image.RGBA, error) {
	if len(raw) < 4*words {
		return nil, errDump
	}
	word := func(n int) int { return int(binary.BigEndian.Uint32(raw[4*n:])) }
	at, line := word(headerSize)+12*word(colours), word(perLine)
	if word(perPixel) != 32 || word(byteOrder) != 0 || len(raw) < at+line*word(height) || line < 4*word(width) {
		return nil, errDump
	}
	picture := image.NewRGBA(image.Rect(0, 0, word(width), word(height)))
	for y := range word(height) {
		for x := range word(width) {
			from, to := raw[at+y*line+4*x:], picture.Pix[y*picture.Stride+4*x:]
			to[0], to[1], to[2], to[3] = from[2], from[1], from[0], 0xff
		}
	}
	return picture, nil
}

// Window is the part of a picture that is not the black ground.
func Window(picture *image.RGBA) *image.RGBA {
	found := image.Rectangle{}
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if c := picture.Pix[picture.PixOffset(x, y):]; c[0]|c[1]|c[2] != 0 {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return picture.SubImage(found).(*image.RGBA)
}

// still is for how many looks, a tenth of a second apart, a window has to look the
// same to have stopped changing.
const still = 3

// Settled is the window once it has stopped changing.
func (d *Display) Settled() *image.RGBA {
	d.t.Helper()
	last, same := Window(d.Picture()), 0
	d.Until("the window stands still", func() bool {
		time.Sleep(100 * time.Millisecond)
		now := Window(d.Picture())
		if len(now.Pix) > 0 && now.Bounds() == last.Bounds() && Unlike(now, last) < 0.002 { // a caret blinks, dots move
			same++
		} else {
			same = 0
		}
		last = now
		return same == still
	})
	return last
}

// Becomes waits until the window looks like a picture, within that share, and
// returns how much it differs, and how it looks, where it does not.
func (d *Display) Becomes(picture image.Image, share float64) (unlike float64, seen *image.RGBA) {
	d.t.Helper()
	for give := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		seen = Window(d.Picture())
		if unlike = Unlike(seen, picture); unlike <= share || time.Now().After(give) {
			return unlike, seen
		}
	}
}

// SeesOtherThan waits until the display shows something else: another screen has
// the same title.
func (d *Display) SeesOtherThan(picture *image.RGBA) {
	d.t.Helper()
	d.Until("another screen is shown", func() bool { return Unlike(d.Picture(), picture) > other })
}

// other is from when a display shows something else, and more than a caret.
const other = 0.0002

// block is how many pixels, in each direction, are looked at as one: letters of
// another version of a font stand a little differently.
const block = 4

// Unlike is the share of two pictures, from 0 to 1, that is not alike. Pictures of
// another size, by more than a line of text, are not alike at all.
func Unlike(a, b image.Image) float64 {
	size, other := a.Bounds().Size(), b.Bounds().Size()
	if abs(size.X-other.X) > 8 || abs(size.Y-other.Y) > 8 || size.X < block || size.Y < block {
		return 1
	}
	one, two := plain(a), plain(b)
	blocks, different := 0, 0
	for y := 0; y+block <= min(size.Y, other.Y); y += block {
		for x := 0; x+block <= min(size.X, other.X); x += block {
			blocks++
			if far(mean(one, x, y), mean(two, x, y)) {
				different++
			}
		}
	}
	return float64(different) / float64(blocks)
}

func abs(n int) int { return max(n, -n) }

// plain is the picture as four bytes for each point.
func plain(picture image.Image) *image.RGBA {
	if p, already := picture.(*image.RGBA); already {
		return p
	}
	p := image.NewRGBA(picture.Bounds())
	draw.Draw(p, p.Bounds(), picture, picture.Bounds().Min, draw.Src)
	return p
}

// mean is the colour of a block, from 0 to 255.
func mean(p *image.RGBA, x, y int) [3]int {
	var sum [3]int
	from := p.Bounds().Min
	for dy := range block {
		line := p.Pix[p.PixOffset(from.X+x, from.Y+y+dy):][:4*block]
		for i := 0; i < len(line); i += 4 {
			sum[0], sum[1], sum[2] = sum[0]+int(line[i]), sum[1]+int(line[i+1]), sum[2]+int(line[i+2])
		}
	}
	for i := range sum {
		sum[i] /= block * block
	}
	return sum
}

// apart is from how many steps of 255 two colours are not alike.
const apart = 28

func far(a, b [3]int) bool {
	for i := range a {
		if abs(a[i]-b[i]) > apart {
			return true
		}
	}
	return false
}

// Load reads a picture.
func Load(path string) (image.Image, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(raw))
}

// mostColours of a picture that is kept: what is drawn has few, and the file is
// small.
const mostColours = 64

// Save writes a picture with few colours.
func Save(path string, picture image.Image) error {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few(picture)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// few is the picture in its most frequent colours.
func few(picture image.Image) image.Image {
	b := picture.Bounds()
	count := map[color.RGBA]int{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(picture, x, y)]++
		}
	}
	palette := color.Palette{}
	for len(palette) < mostColours && len(count) > 0 {
		most := color.RGBA{}
		for c, n := range count {
			if n > count[most] || n == count[most] && less(c, most) {
				most = c
			}
		}
		palette = append(palette, most)
		delete(count, most)
	}
	out := image.NewPaletted(image.Rect(0, 0, b.Dx(), b.Dy()), palette)
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(x, y, picture.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

func at(p image.Image, x, y int) color.RGBA { return color.RGBAModel.Convert(p.At(x, y)).(color.RGBA) }

func less(a, b color.RGBA) bool {
	return [3]uint8{a.R, a.G, a.B} != [3]uint8{b.R, b.G, b.B} && uint32(a.R)<<16|uint32(a.G)<<8|uint32(a.B) < uint32(b.R)<<16|uint32(b.G)<<8|uint32(b.B)
}

// keep writes what is on the display for who looks at a test that failed.
func (d *Display) keep() string {
	if _, err := os.Stat(filepath.Join(d.dir, "Xvfb_screen0")); err != nil {
		return "no picture: the display keeps none"
	}
	path := filepath.Join(os.TempDir(), "panel-"+d.Name[1:]+".png")
	if err := Save(path, d.Picture()); err != nil {
		return err.Error()
	}
	return path
}
