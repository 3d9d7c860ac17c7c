package icon

import "math"

// A distance tells how far a point is from a shape, in pixels: negative inside.
type distance func(x, y float64) float64

// grid is where things are in an icon of one size, in pixels. Edges are put on
// whole pixels, so that they are sharp where icons are small.
type grid struct {
	cx          float64 // the middle, from left to right
	top, bottom float64 // of the shield
	half        float64 // of the shield's width
	line        float64 // how thick lines are
	unit        float64 // a sixteenth of the size
}

func newGrid(size int) grid {
	n := float64(size)
	margin := max(math.Round(n*0.045), 1)
	width := 2 * math.Round(n*0.40)
	if size%2 != 0 {
		width--
	}
	return grid{
		cx: n / 2, top: margin, bottom: n - margin, half: width / 2,
		line: max(math.Round(n*0.095), 1.5), unit: n / 16,
	}
}

// mark is the whole icon.
func (g grid) mark(s Shape) distance {
	shield := g.shield()
	outline := both(shield, not(grown(shield, -g.line)))
	y := g.top + (g.bottom-g.top)*0.44
	switch s {
	case Connecting:
		return either(outline, g.dot(g.cx, y, 2.1*g.unit))
	case Protected:
		return shield
	case Unsure:
		return both(shield, not(g.triangle(y, 3.5*g.unit)))
	case Stuck:
		return both(shield, not(g.box(g.cx, y, 3.6*g.unit, 1.25*g.unit, 0.4*g.unit)))
	case Offline:
		return either(outline, either(g.post(-1, y), g.post(1, y)))
	case SignIn:
		return either(outline, either(
			g.box(g.cx, y-1.3*g.unit, max(1.05*g.unit, 1), 2.1*g.unit, 0.5*g.unit),
			g.dot(g.cx, y+2.65*g.unit, max(1.2*g.unit, 1))))
	case Unreachable:
		return either(outline, either(g.stroke(y, 1), g.stroke(y, -1)))
	default:
		return outline
	}
}

// shield is flat above, straight to a little below its middle, and comes to a
// soft point.
func (g grid) shield() distance { return polygon(g.edge()) }

// edge is the line around the shield.
func (g grid) edge() []point {
	height := g.bottom - g.top
	waist := g.top + height*0.42
	corner := g.unit * 1.6
	var edge []point
	arc := func(x, y, r, from, to float64) {
		for i := range 9 {
			a := (from + (to-from)*float64(i)/8) * math.Pi / 180
			edge = append(edge, point{x + r*math.Cos(a), y + r*math.Sin(a)})
		}
	}
	right, left := g.cx+g.half, g.cx-g.half
	arc(right-corner, g.top+corner, corner, -90, 0)
	foot := point{g.cx, g.bottom}
	edge = append(edge, curve(point{right, waist}, point{right, g.bottom - height*0.20}, point{g.cx + g.half*0.34, g.bottom - height*0.075}, foot)...)
	edge = append(edge, curve(foot, point{g.cx - g.half*0.34, g.bottom - height*0.075}, point{left, g.bottom - height*0.20}, point{left, waist})...)
	arc(left+corner, g.top+corner, corner, 180, 270)
	return edge
}

func (g grid) dot(x, y, r float64) distance {
	return func(px, py float64) float64 { return math.Hypot(px-x, py-y) - r }
}

// box is a rectangle with rounded corners around a point.
func (g grid) box(x, y, halfWidth, halfHeight, corner float64) distance {
	return func(px, py float64) float64 {
		dx, dy := math.Abs(px-x)-halfWidth+corner, math.Abs(py-y)-halfHeight+corner
		return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - corner
	}
}

// post is one of the two that stand side by side.
func (g grid) post(side, y float64) distance {
	return g.box(g.cx+side*1.75*g.unit, y, max(0.8*g.unit, 0.75), 2.4*g.unit, 0.3*g.unit)
}

// triangle points upwards.
func (g grid) triangle(y, r float64) distance {
	low := y + r*0.72
	return grown(polygon([]point{{g.cx, y - r*0.78}, {g.cx + r*0.92, low}, {g.cx - r*0.92, low}}), g.unit*0.35)
}

// stroke is one of the two of a cross.
func (g grid) stroke(y, slope float64) distance {
	r, thick := 2.2*g.unit, max(0.85*g.unit, 0.8)
	a, b := point{g.cx - r, y - slope*r}, point{g.cx + r, y + slope*r}
	return func(px, py float64) float64 { return toSegment(point{px, py}, a, b) - thick }
}

func either(a, b distance) distance {
	return func(x, y float64) float64 { return min(a(x, y), b(x, y)) }
}

func both(a, b distance) distance {
	return func(x, y float64) float64 { return max(a(x, y), b(x, y)) }
}

func not(a distance) distance {
	return func(x, y float64) float64 { return -a(x, y) }
}

// grown is a shape that reaches further by so much to every side.
func grown(a distance, by float64) distance {
	return func(x, y float64) float64 { return a(x, y) - by }
}
