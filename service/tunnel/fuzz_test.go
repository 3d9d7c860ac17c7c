package tunnel_test

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(wantRendered))
	f.Add([]byte(strings.Join(good, "\r\n")))
	f.Add([]byte("\xef\xbb\xbf" + strings.Join(good, "\n")))
	f.Add([]byte(utf16File(true, full)))
	f.Add([]byte(utf16File(false, full)))
	for _, c := range badShapes() {
		if len(c.text) < 1000 {
			f.Add([]byte(c.text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { wellFormed(t, text) })
}
