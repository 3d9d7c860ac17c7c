package main

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	// screenDefault is how wide a terminal is taken to be that does not say.
	screenDefault = 80
	// screenMost is how wide lines become at most: longer ones are hard to read.
	screenMost = 100
)

// screen is where the demo tells what happens: lines that stay, and below them
// one line that is drawn anew. Every line fits the terminal's width, so that
// erasing it erases all of it.
type screen struct {
	paint paint
	write func(text string)
	// columns asks the terminal for its width; 0: it does not say.
	columns func() int
	// newline ends a line: "\r\n" while the terminal is raw.
	newline string
	// last is what stands on the last line; "": nothing.
	last string
}

func newScreen(p *program) *screen {
	return &screen{
		paint: p.paintFor(p.out),
		// Where stdout cannot be written there is nobody to tell.
		write:   func(text string) { _ = p.say("%s", text) },
		columns: func() int { return columnsOf(p.out) },
		newline: "\n",
	}
}

func columnsOf(out any) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// width is how wide a line may be.
func (s *screen) width() int {
	switch w := s.columns(); {
	case w <= 0:
		return screenDefault
	default:
		return min(w-1, screenMost)
	}
}

// line prints text that stays, beside a head, in lines that fit.
// The colours are those of paint; "": none.
func (s *screen) line(head, headColour, text, colour string) {
	s.erase()
	indent := utf8.RuneCountInString(head)
	var b strings.Builder
	for i, part := range fold(text, s.width()-indent) {
		if i == 0 {
			b.WriteString(s.in(headColour, head))
		} else {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(s.in(colour, part) + s.newline)
	}
	s.write(b.String())
}

func (s *screen) in(colour, text string) string {
	if colour == "" {
		return text
	}
	return s.paint.in(colour, text)
}

// draw puts text on the last line, in place of what is there.
func (s *screen) draw(text string, colour func(string) string) {
	text = clip(text, s.width())
	if text == s.last {
		return
	}
	s.erase()
	s.last = text
	s.write(colour(text))
}

// erase clears the last line. A terminal that became narrower has folded it.
func (s *screen) erase() {
	if s.last == "" {
		return
	}
	text := "\r\x1b[2K"
	if w := s.columns(); w > 0 {
		text += strings.Repeat("\x1b[A\x1b[2K", (utf8.RuneCountInString(s.last)-1)/w)
	}
	s.last = ""
	s.write(text)
}

// fold breaks text at spaces into lines of at most width characters; a word
// that is longer stands alone. There is always one line.
func fold(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}
