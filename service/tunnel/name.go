package tunnel

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Name names one configured tunnel, or a group of them, as the person typed it.
type Name string

var nameShape = regexp.MustCompile(`^[A-Za-z0-9_=+.-]{1,15}$`)

// reserved are the device names that Windows refuses as file names, with any
// extension.
var reserved = []string{
	"con", "prn", "aux", "nul",
	"com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// ParseName checks a name by the rule of wg-quick(8), less what Windows cannot
// store: 1 to 15 of the characters A-Z a-z 0-9 _ = + . -, not starting with a
// dot, and not a Windows device name. A name that differs only in case from
// another is the caller's to refuse.
func ParseName(s string) (Name, error) {
	if !nameShape.MatchString(s) {
		return "", fmt.Errorf("name %q: use 1 to 15 of the characters A-Z a-z 0-9 _ = + . -", s)
	}
	if strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") {
		return "", fmt.Errorf("name %q: a name cannot begin or end with a dot", s)
	}
	base, _, _ := strings.Cut(strings.ToLower(s), ".")
	if slices.Contains(reserved, base) {
		return "", fmt.Errorf("name %q: Windows reserves this name; choose another", s)
	}
	return Name(s), nil
}
