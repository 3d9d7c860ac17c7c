package icon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"strings"
)

// IcoSizes are the sizes that Windows asks for in the notification area, at 100
// to 300 per cent.
var IcoSizes = []int{16, 20, 24, 32, 48}

// PNG is a shape as a PNG file.
func PNG(s Shape, in Style, size int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, Draw(s, in, size)); err != nil {
		panic("a picture in memory cannot be encoded: " + err.Error())
	}
	return b.Bytes()
}

// SVG is the filled shield in its colour, of any size: the icon of the program
// itself.
func SVG() string {
	const size = 256
	var path strings.Builder
	for i, p := range newGrid(size).edge() {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, p.x, p.y)
	}
	c := ink(Protected, Colour)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><path fill="#%02x%02x%02x" d="%sZ"/></svg>`+"\n",
		size, size, size, size, c.R, c.G, c.B, path.String())
}

// ICO is a shape as a Windows icon file of all sizes, as bitmaps of 32 bits
// with opacity, which every Windows reads.
func ICO(s Shape, in Style, sizes ...int) []byte {
	var head, body bytes.Buffer
	put := func(to *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(to, binary.LittleEndian, v) // a Buffer takes all
		}
	}
	put(&head, uint16(0), uint16(1), uint16(len(sizes)))
	start := 6 + 16*len(sizes)
	for _, size := range sizes {
		data := bitmap(Draw(s, in, size))
		put(&head, uint8(size), uint8(size), uint8(0), uint8(0), uint16(1), uint16(32), uint32(len(data)), uint32(start+body.Len()))
		body.Write(data)
	}
	return append(head.Bytes(), body.Bytes()...)
}

// bitmap is a picture as icon files hold it: a header that counts the height
// twice, the rows from the bottom, and a mask that hides nothing.
func bitmap(m *image.NRGBA) []byte {
	size := m.Bounds().Dx()
	var b bytes.Buffer
	header := struct {
		Size, Width, Height                                                uint32
		Planes, Bits                                                       uint16
		Compression, Bytes, PixelsX, PixelsY, ColoursUsed, ColoursRequired uint32
	}{Size: 40, Width: uint32(size), Height: uint32(2 * size), Planes: 1, Bits: 32}
	_ = binary.Write(&b, binary.LittleEndian, header) // a Buffer takes all
	for y := size - 1; y >= 0; y-- {
		for x := range size {
			c := m.NRGBAAt(x, y)
			b.Write([]byte{c.B, c.G, c.R, c.A})
		}
	}
	b.Write(make([]byte, (size+31)/32*4*size))
	return b.Bytes()
}

// icnsKinds are the sizes that macOS asks for, in pixels, and how its icon files
// call them: those for ordinary screens, then those for dense ones.
var icnsKinds = []struct {
	kind string
	size int
}{
	{"icp4", 16}, {"icp5", 32}, {"ic07", 128}, {"ic08", 256}, {"ic09", 512},
	{"ic11", 32}, {"ic12", 64}, {"ic13", 256}, {"ic14", 512}, {"ic10", 1024},
}

// ICNS is a shape as an icon file of macOS, of all sizes, which are PNG files
// within.
func ICNS(s Shape, in Style) []byte {
	var body bytes.Buffer
	part := func(to *bytes.Buffer, kind string, size int) {
		to.WriteString(kind)
		_ = binary.Write(to, binary.BigEndian, uint32(8+size)) // a Buffer takes all
	}
	for _, k := range icnsKinds {
		data := PNG(s, in, k.size)
		part(&body, k.kind, len(data))
		body.Write(data)
	}
	var all bytes.Buffer
	part(&all, "icns", body.Len())
	return append(all.Bytes(), body.Bytes()...)
}
