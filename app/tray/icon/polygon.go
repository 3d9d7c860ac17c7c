package icon

import "math"

type point struct{ x, y float64 }

// curve is a Bézier curve of the third degree as short straight pieces.
func curve(a, b, c, d point) []point {
	const pieces = 24
	var out []point
	for i := range pieces + 1 {
		t := float64(i) / pieces
		u := 1 - t
		mix := func(a, b, c, d float64) float64 { return u*u*u*a + 3*u*u*t*b + 3*u*t*t*c + t*t*t*d }
		out = append(out, point{mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y)})
	}
	return out
}

// polygon is the distance to a closed line of points.
func polygon(edge []point) distance {
	return func(x, y float64) float64 {
		p := point{x, y}
		nearest, inside := math.Inf(1), false
		for i, a := range edge {
			b := edge[(i+1)%len(edge)]
			nearest = min(nearest, toSegment(p, a, b))
			// A ray to the right crosses the edge an odd number of times from inside.
			if (a.y > y) != (b.y > y) && x < (b.x-a.x)*(y-a.y)/(b.y-a.y)+a.x {
				inside = !inside
			}
		}
		if inside {
			return -nearest
		}
		return nearest
	}
}

// toSegment is the distance of a point to a straight piece.
func toSegment(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	along := 0.0
	if length := dx*dx + dy*dy; length > 0 {
		along = min(max(((p.x-a.x)*dx+(p.y-a.y)*dy)/length, 0), 1)
	}
	return math.Hypot(p.x-a.x-along*dx, p.y-a.y-along*dy)
}
