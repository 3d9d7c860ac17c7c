// Package icon draws the tray's icons: a shield that is an outline while nothing
// is protected and filled while a tunnel holds, with one sign in its middle that
// says what is the matter. Shape comes first, so that the icons can be told
// apart without colour; nothing moves.
//
// It draws from numbers alone: no file, no clock, no system.
package icon

import (
	"image"
	"image/color"
	"math"
)

// Shape is what an icon says.
type Shape string

// The shapes. The strings name the files that build/icons writes.
const (
	Off         Shape = "off"         // outline
	Connecting  Shape = "connecting"  // outline, dot
	Protected   Shape = "protected"   // filled
	Unsure      Shape = "unsure"      // filled, triangle: checking or switching
	Stuck       Shape = "stuck"       // filled, bar: stalled or blocked
	Offline     Shape = "offline"     // outline, two posts: at rest
	SignIn      Shape = "sign-in"     // outline, exclamation mark
	Unreachable Shape = "unreachable" // outline, cross
)

// Shapes are all of them, in the order of a sheet.
var Shapes = []Shape{Off, Connecting, Protected, Unsure, Stuck, Offline, SignIn, Unreachable}

// Style is in which colours an icon is drawn.
type Style string

// The styles.
const (
	// Colour suits light and dark panels alike.
	Colour Style = "colour"
	// Light is white, for dark panels; Dark is near black, for light ones.
	Light Style = "light"
	Dark  Style = "dark"
	// Template is black of varying opacity, which macOS tints itself.
	Template Style = "template"
)

// Styles are all of them.
var Styles = []Style{Colour, Light, Dark, Template}

// colours keep a contrast of 3 to 1 against white and against #2b2b2b.
var colours = map[Shape]color.NRGBA{
	Off:         {0x82, 0x86, 0x8c, 0xff},
	Connecting:  {0x2f, 0x82, 0xd4, 0xff},
	Protected:   {0x1f, 0x9d, 0x57, 0xff},
	Unsure:      {0xc7, 0x7a, 0x00, 0xff},
	Stuck:       {0xdb, 0x44, 0x3c, 0xff},
	Offline:     {0x82, 0x86, 0x8c, 0xff},
	SignIn:      {0xc7, 0x7a, 0x00, 0xff},
	Unreachable: {0xdb, 0x44, 0x3c, 0xff},
}

func ink(s Shape, in Style) color.NRGBA {
	switch in {
	case Light:
		return color.NRGBA{0xff, 0xff, 0xff, 0xff}
	case Dark:
		return color.NRGBA{0x1c, 0x1e, 0x21, 0xff}
	case Template:
		return color.NRGBA{0, 0, 0, 0xff}
	default:
		return colours[s]
	}
}

// Draw draws a shape as a square of size pixels. A shape that is not known is
// drawn as Off, a style that is not known in Colour. size is 8 at least.
func Draw(s Shape, in Style, size int) *image.NRGBA {
	size = max(size, 8)
	if _, known := colours[s]; !known {
		s = Off
	}
	picture, c, g := image.NewNRGBA(image.Rect(0, 0, size, size)), ink(s, in), newGrid(size)
	at := g.mark(s)
	for y := range size {
		for x := range size {
			// Half a pixel from the edge to either side is how much of the pixel
			// the shape covers.
			covered := min(max(0.5-at(float64(x)+0.5, float64(y)+0.5), 0), 1)
			p := c
			p.A = uint8(math.Round(float64(c.A) * covered))
			picture.SetNRGBA(x, y, p)
		}
	}
	return picture
}
