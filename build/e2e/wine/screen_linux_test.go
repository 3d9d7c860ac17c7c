package wine

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/build/e2e/wine/prefix"
)

const (
	screenWidth, screenHeight = 1024, 768
	// enlarged is how much larger a picture is made for its words to be read.
	enlarged = 4
	// seenWithin is how long what must show may take on a busy machine.
	seenWithin = 30 * time.Second
)

// background is the colour of Wine's desktop.
var background = color.RGBA{0x25, 0x6f, 0x95, 0xff}

// screen is an X server of its own, which ends with the test.
type screen struct{ display string }

func newScreen(t *testing.T) *screen {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-nolisten", "tcp", "-screen", "0", fmt.Sprintf("%dx%dx24", screenWidth, screenHeight))
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		x.Process.Kill()
		x.Wait()
	})
	text, err := io.ReadAll(r) // until it has chosen, and closes the pipe
	if err != nil || len(text) == 0 {
		t.Fatalf("Xvfb chose the display %q: %v", text, err)
	}
	return &screen{":" + strings.TrimSpace(string(text))}
}

// tool runs a program on the screen.
func (s *screen) tool(t *testing.T, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), prefix.Within)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display, "OMP_THREAD_LIMIT=1")
	cmd.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, &said)
	}
	return out
}

// A shot is a picture of the screen, as a PNG.
type shot []byte

func (s *screen) look(t *testing.T) shot {
	t.Helper()
	return s.tool(t, nil, "import", "-window", "root", "png:-")
}

// keep writes a picture for a person to look at.
func (p shot) keep(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, p, 0o644); err != nil {
		t.Fatal(err)
	}
}

// differs counts the pixels within a part of a picture that have another colour.
func (p shot) differs(t *testing.T, part image.Rectangle, from color.RGBA) (n int) {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if color.RGBAModel.Convert(m.At(x, y)) != from {
				n++
			}
		}
	}
	return n
}

// pops waits until something pops up before the desktop, in a part of the screen,
// and returns a picture of it. Meanwhile it does what leads to that, now and then:
// what pops up does not stay.
func (s *screen) pops(t *testing.T, part image.Rectangle, lead func()) shot {
	t.Helper()
	var last time.Time
	until(t, "something to pop up", seenWithin, func() bool {
		if time.Since(last) > seenWithin/4 {
			lead()
			last = time.Now()
		}
		return s.look(t).differs(t, part, background) > 200
	})
	return s.look(t) // when it has been drawn to its end
}

// A line is a line of text on the screen, and the middle of its first word.
type line struct {
	text string
	at   image.Point
}

// read reads what is written within a part of a picture.
func (s *screen) read(t *testing.T, p shot, part image.Rectangle) []line {
	t.Helper()
	crop := fmt.Sprintf("%dx%d+%d+%d", part.Dx(), part.Dy(), part.Min.X, part.Min.Y)
	desktop := fmt.Sprintf("#%02x%02x%02x", background.R, background.G, background.B)
	large := s.tool(t, p, "convert", "png:-", "-crop", crop, "+repage", "-fill", "white", "-opaque", desktop,
		"-colorspace", "Gray", "-filter", "Cubic", "-resize", strconv.Itoa(100*enlarged)+"%", "png:-")
	var lines []line
	last := ""
	for row := range strings.Lines(string(s.tool(t, large, "tesseract", "-", "-", "--psm", "6", "tsv"))) {
		// level page block paragraph line word left top width height confidence text
		f := strings.Split(strings.TrimRight(row, "\n"), "\t")
		if len(f) != 12 || f[0] != "5" || strings.TrimSpace(f[11]) == "" {
			continue
		}
		if place := strings.Join(f[1:5], " "); place == last {
			lines[len(lines)-1].text += " " + f[11]
			continue
		} else {
			last = place
		}
		var box [4]int
		for i := range box {
			box[i], _ = strconv.Atoi(f[6+i])
		}
		at := image.Pt(part.Min.X+(box[0]+box[2]/2)/enlarged, part.Min.Y+(box[1]+box[3]/2)/enlarged)
		lines = append(lines, line{f[11], at})
	}
	return lines
}

// text is all that is written within a part of a picture.
func (s *screen) text(t *testing.T, p shot, part image.Rectangle) string {
	t.Helper()
	var b strings.Builder
	for _, l := range s.read(t, p, part) {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// finds waits until a text is within a part of the screen, and returns where.
func (s *screen) finds(t *testing.T, text string, part image.Rectangle) image.Point {
	t.Helper()
	var at image.Point
	until(t, "the screen to show "+text, seenWithin, func() bool {
		for _, l := range s.read(t, s.look(t), part) {
			if strings.Contains(l.text, text) {
				at = l.at
				return true
			}
		}
		return false
	})
	return at
}

// point moves the mouse there, by way of a place beside it: what was there already
// hears nothing.
func (s *screen) point(t *testing.T, at image.Point) {
	t.Helper()
	for _, to := range []image.Point{at.Sub(image.Pt(3, 3)), at} {
		s.tool(t, nil, "xdotool", "mousemove", strconv.Itoa(to.X), strconv.Itoa(to.Y))
	}
}

// click presses a button of the mouse: 1 is the left one.
func (s *screen) click(t *testing.T, at image.Point, button int) {
	t.Helper()
	s.point(t, at)
	s.tool(t, nil, "xdotool", "click", strconv.Itoa(button))
}
