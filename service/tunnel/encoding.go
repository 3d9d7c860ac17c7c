package tunnel

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// badByte stands for what could not be decoded: it is never valid in UTF-8, so
// that the check of each line finds it.
const badByte = "\xff"

// decode returns the text of a .conf as UTF-8 without a byte order mark. It may
// hold invalid UTF-8, which is for lineFault to find.
func decode(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return string(text[3:])
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		return decodeUTF16(text[2:], binary.LittleEndian)
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		return decodeUTF16(text[2:], binary.BigEndian)
	}
	return string(text)
}

func decodeUTF16(text []byte, order binary.ByteOrder) string {
	var b strings.Builder
	for len(text) >= 2 {
		r := rune(order.Uint16(text))
		text = text[2:]
		if utf16.IsSurrogate(r) && len(text) >= 2 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(text))); pair != utf8.RuneError {
				b.WriteRune(pair)
				text = text[2:]
				continue
			}
		}
		if utf16.IsSurrogate(r) {
			b.WriteString(badByte)
			continue
		}
		b.WriteRune(r)
	}
	if len(text) > 0 {
		b.WriteString(badByte)
	}
	return b.String()
}

// lineFault says why a line is not text, or "".
func lineFault(line string) string {
	if len(line) > maxLine {
		return "the line is longer than 4096 bytes; shorten it"
	}
	if !utf8.ValidString(line) {
		return "the line is not text; save the file as UTF-8"
	}
	for _, r := range line {
		switch {
		case r == 0:
			return "the line holds a zero byte; save the file as UTF-8"
		case r == '\r':
			return "the line holds a carriage return; end lines with LF or CR LF"
		case r != '\t' && unicode.IsControl(r):
			return "the line holds a control character; remove it"
		case isInvisible(r):
			return "the line holds a character that hides or turns around text; remove it"
		}
	}
	return ""
}

// isInvisible finds what makes a line look like another one than it is: a byte
// order mark, line separators, and the marks that change the reading direction.
func isInvisible(r rune) bool {
	return r == 0xfeff || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Bidi_Control, r)
}
