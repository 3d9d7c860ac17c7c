package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"holdfast/app/tray/icon"
)

// row is one line of the sheet: all shapes in a style, on a ground.
type row struct {
	style  icon.Style
	ground color.NRGBA
}

var rows = []row{
	{icon.Colour, color.NRGBA{0xf4, 0xf5, 0xf6, 0xff}},
	{icon.Colour, color.NRGBA{0x24, 0x26, 0x29, 0xff}},
	{icon.Dark, color.NRGBA{0xf4, 0xf5, 0xf6, 0xff}},
	{icon.Light, color.NRGBA{0x24, 0x26, 0x29, 0xff}},
}

// sheetSizes are the sizes that are shown side by side, in pixels.
var sheetSizes = []int{16, 22, 32, 44}

// sheet is one picture with every shape, to be looked at.
func sheet() []byte {
	const space = 12
	width := space
	for _, size := range sheetSizes {
		width += len(icon.Shapes) * (size + space)
	}
	height := 44 + 2*space
	m := image.NewNRGBA(image.Rect(0, 0, width, height*len(rows)))
	for i, r := range rows {
		draw.Draw(m, image.Rect(0, i*height, width, (i+1)*height), image.NewUniform(r.ground), image.Point{}, draw.Src)
		x := space
		for _, size := range sheetSizes {
			for _, s := range icon.Shapes {
				at := image.Rect(x, i*height+(height-size)/2, x+size, i*height+(height+size)/2)
				draw.Draw(m, at, icon.Draw(s, r.style, size), image.Point{}, draw.Over)
				x += size + space
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic("a picture in memory cannot be encoded: " + err.Error())
	}
	return b.Bytes()
}
