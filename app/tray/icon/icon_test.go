package icon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"slices"
	"testing"
)

// In one colour and at the smallest size, what two icons differ in must be seen:
// so many pixels that are ink in one and ground in the other.
func TestShapesDifferWithoutColour(t *testing.T) {
	for _, size := range []int{16, 18, 20, 22, 24, 32, 44} {
		for i, a := range Shapes {
			for _, b := range Shapes[i+1:] {
				if got, want := apart(a, b, size), size*size*4/256; got < want {
					t.Errorf("%s and %s at %d pixels differ in %d pixels, want %d", a, b, size, got, want)
				}
			}
		}
	}
}

func apart(a, b Shape, size int) (n int) {
	x, y := Draw(a, Dark, size), Draw(b, Dark, size)
	for i := 3; i < len(x.Pix); i += 4 {
		if math.Abs(float64(x.Pix[i])-float64(y.Pix[i])) > 127 {
			n++
		}
	}
	return n
}

// Filled says that a tunnel holds, an outline that none does.
func TestFilledAndOutline(t *testing.T) {
	filled := []Shape{Protected, Unsure, Stuck}
	for _, s := range Shapes {
		for _, size := range []int{16, 22, 44} {
			ink := 0
			m := Draw(s, Light, size)
			for i := 3; i < len(m.Pix); i += 4 {
				ink += int(m.Pix[i])
			}
			share := float64(ink) / 255 / float64(size*size)
			if want := slices.Contains(filled, s); (share > 0.44) != want {
				t.Errorf("%s at %d pixels covers %.2f, filled %v", s, size, share, want)
			}
		}
	}
}

func TestIconsAreSymmetricAndKeepTheirMargin(t *testing.T) {
	for _, s := range Shapes {
		for _, size := range []int{16, 18, 20, 22, 24, 32, 36, 44, 48} {
			m := Draw(s, Colour, size)
			for y := range size {
				for x := range size {
					if a, b := m.NRGBAAt(x, y).A, m.NRGBAAt(size-1-x, y).A; max(a, b)-min(a, b) > 1 {
						t.Fatalf("%s at %d pixels: row %d is not the same from both sides", s, size, y)
					}
				}
				if m.NRGBAAt(0, y).A > 0 || m.NRGBAAt(y, 0).A > 0 || m.NRGBAAt(y, size-1).A > 0 {
					t.Fatalf("%s at %d pixels touches the edge", s, size)
				}
			}
		}
	}
}

// The colours must be seen on the panels that people have.
func TestColoursOnLightAndDarkPanels(t *testing.T) {
	for s, c := range colours {
		for _, ground := range []color.NRGBA{{0xff, 0xff, 0xff, 0xff}, {0x2b, 0x2b, 0x2b, 0xff}} {
			if got := contrast(c, ground); got < 3 {
				t.Errorf("%s on %v: a contrast of %.2f, want 3", s, ground, got)
			}
		}
	}
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is that of WCAG 2.
func luminance(c color.NRGBA) float64 {
	channel := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(c.R) + 0.7152*channel(c.G) + 0.0722*channel(c.B)
}

func TestUnknownIsDrawnAsOff(t *testing.T) {
	if !bytes.Equal(Draw("?", "?", 22).Pix, Draw(Off, Colour, 22).Pix) {
		t.Error("an unknown shape is not drawn as off")
	}
}

func TestPNG(t *testing.T) {
	m, err := png.Decode(bytes.NewReader(PNG(Stuck, Colour, 44)))
	if err != nil || m.Bounds().Dx() != 44 || m.Bounds().Dy() != 44 {
		t.Fatalf("got %v, %v", m, err)
	}
	if c := color.NRGBAModel.Convert(m.At(10, 10)); c != color.Color(colours[Stuck]) {
		t.Errorf("got %v", c)
	}
}

// An icon file is read back by its format: entries that lie one after the other,
// and the pixels that were drawn.
func TestICO(t *testing.T) {
	data := ICO(Protected, Colour, IcoSizes...)
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(data[at:])) }
	if u16(0) != 0 || u16(2) != 1 || u16(4) != len(IcoSizes) {
		t.Fatalf("header % x", data[:6])
	}
	next := 6 + 16*len(IcoSizes)
	for i, size := range IcoSizes {
		entry := 6 + 16*i
		length, start := u32(entry+8), u32(entry+12)
		if int(data[entry]) != size || int(data[entry+1]) != size || u16(entry+6) != 32 || start != next {
			t.Fatalf("entry %d: % x", i, data[entry:entry+16])
		}
		if u32(start) != 40 || u32(start+4) != size || u32(start+8) != 2*size {
			t.Fatalf("bitmap %d: % x", i, data[start:start+40])
		}
		middle := start + 40 + (size/2*size+size/2)*4
		if c := colours[Protected]; !bytes.Equal(data[middle:middle+4], []byte{c.B, c.G, c.R, 0xff}) {
			t.Errorf("the middle of %d pixels: % x", size, data[middle:middle+4])
		}
		next = start + length
	}
	if next != len(data) {
		t.Errorf("%d bytes, want %d", len(data), next)
	}
}

func TestICNS(t *testing.T) {
	data := ICNS(Protected, Colour)
	if string(data[:4]) != "icns" || int(binary.BigEndian.Uint32(data[4:])) != len(data) {
		t.Fatalf("begins with %q", data[:8])
	}
	var kinds []string
	for rest := data[8:]; len(rest) > 0; {
		size := int(binary.BigEndian.Uint32(rest[4:]))
		picture, err := png.Decode(bytes.NewReader(rest[8:size]))
		if err != nil {
			t.Fatalf("%s: %v", rest[:4], err)
		}
		kinds = append(kinds, fmt.Sprintf("%s %d", rest[:4], picture.Bounds().Dx()))
		rest = rest[size:]
	}
	want := []string{"icp4 16", "icp5 32", "ic07 128", "ic08 256", "ic09 512", "ic11 32", "ic12 64", "ic13 256", "ic14 512", "ic10 1024"}
	if !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}
