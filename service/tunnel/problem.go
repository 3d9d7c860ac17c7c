package tunnel

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a config, and what to do about it. It
// never repeats the value of a key.
type Problem struct {
	// Line is the line of the .conf, from 1. 0: the config came from elsewhere.
	Line int `json:"line"`
	// Key is the key it is about, as wg-quick(8) writes it. "": none.
	Key     string `json:"key,omitempty"`
	Message string `json:"message"`
}

// String is one line of text.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	return b.String() + p.Message
}

// Problems are all that is wrong with a config, by line. Parse and Validate
// return them as an error, for errors.As.
type Problems []Problem

// Error is one line of text for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// maxQuoted is how many characters of a refused value a message repeats.
const maxQuoted = 40

// keyLike finds what may be a key that was pasted in the wrong place.
var keyLike = regexp.MustCompile(`[A-Za-z0-9+/]{40}`)

// quote repeats a refused value in a message, unless it may hold a secret.
func quote(v string) string {
	if keyLike.MatchString(v) {
		return hidden
	}
	if utf8.RuneCountInString(v) > maxQuoted {
		return fmt.Sprintf("%q…", string([]rune(v)[:maxQuoted]))
	}
	return fmt.Sprintf("%q", v)
}

// keyShape is what a key's name looks like. Whatever else stands before an
// equals sign may be a part of a secret and is not repeated.
var keyShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)
