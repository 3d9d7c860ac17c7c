package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxWidth is the widest line the program writes on its own account.
const maxWidth = 100

// printable makes foreign text safe to show on a terminal: what could move the
// cursor, change colours or turn the reading direction is shown by its number.
// Line ends and tabs become spaces.
func printable(s string) string {
	plain := func(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case !plain(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// count is "1 tunnel", "3 tunnels".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// span is a length of time as people say it, in one unit and rounded down:
// "14 s", "3 min", "5 h", "2 days". Anything below a second, also negative, is "0 s".
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0 s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
}

// ago is how long before now a moment was; zero or nil is "never". A moment
// ahead of now, as after the clock was set back, is "just now".
func ago(at *time.Time, now time.Time) string {
	if at == nil || at.IsZero() {
		return "never"
	}
	if d := now.Sub(*at); d >= time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// size is a number of bytes: "0 B", "1.5 KiB", "12 GiB".
func size(n float64) string {
	if n < 0 || math.IsNaN(n) {
		n = 0
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	u := 0
	for n >= 1000 && u < len(units)-1 {
		n /= 1024
		u++
	}
	if u == 0 || n >= 10 {
		return fmt.Sprintf("%.0f %s", n, units[u])
	}
	return fmt.Sprintf("%.1f %s", n, units[u])
}

// milliseconds is a round trip time; nil is "-".
func milliseconds(ms *float64) string {
	switch {
	case ms == nil:
		return "-"
	case *ms < 10:
		return strconv.FormatFloat(*ms, 'f', 1, 64) + " ms"
	default:
		return strconv.FormatFloat(*ms, 'f', 0, 64) + " ms"
	}
}

// table sets rows in columns two spaces apart. The first row is the heading. No
// line ends in a space.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// wrap breaks text at spaces so that, with the indent before each line, no line
// is wider than maxWidth; a word that no line can hold is cut short. It ends in
// a line end, unless there is nothing to say.
func wrap(text, indent string) string {
	var b strings.Builder
	width := 0
	for word := range strings.FieldsSeq(text) {
		word = clip(word, maxWidth-utf8.RuneCountInString(indent))
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			b.WriteString(indent)
			width = utf8.RuneCountInString(indent)
		case width+1+n > maxWidth:
			b.WriteString("\n" + indent)
			width = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	if width == 0 {
		return ""
	}
	return b.String() + "\n"
}

// clip shortens s to at most n characters, the last of them "…", and takes the
// spaces from its end.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) > n {
		runes := []rune(s)
		return strings.TrimRight(string(runes[:max(n-1, 0)]), " ") + "…"
	}
	return strings.TrimRight(s, " ")
}

// number is n, or "" for none.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}
