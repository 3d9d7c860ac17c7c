package main

import (
	"os"
	"strings"
)

// desktopLanguages are those of the desktop, the preferred first: by the names
// that gettext reads, in its order.
func desktopLanguages() []string {
	var out []string
	for tag := range strings.SplitSeq(os.Getenv("LANGUAGE"), ":") {
		out = append(out, withoutCharset(tag))
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return append(out, withoutCharset(v)) // the first that is set decides
		}
	}
	return out
}

// withoutCharset cuts "de_DE.UTF-8@euro" to "de_DE".
func withoutCharset(tag string) string {
	tag, _, _ = strings.Cut(tag, ".")
	tag, _, _ = strings.Cut(tag, "@")
	return tag
}
