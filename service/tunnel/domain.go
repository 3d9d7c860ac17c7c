package tunnel

import (
	"errors"
	"strings"
)

var (
	errNameEmpty  = errors.New("a part of the name is empty; remove the extra dot")
	errNameLong   = errors.New("the name is longer than 253 characters, or a part of it than 63")
	errNameChars  = errors.New("a name has letters, digits, - and _ only; write other letters in their xn-- form")
	errNameHyphen = errors.New("a part of the name begins or ends with a hyphen")
	errNameNumber = errors.New("the last part of a name is not a number")
)

const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// checkDomain refuses what is not a DNS name in its ASCII form, with or without
// the dot at its end. Underscores pass: resolvers allow them, and people use them.
func checkDomain(s string) error {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return errNameLong
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		switch {
		case label == "":
			return errNameEmpty
		case len(label) > 63:
			return errNameLong
		case strings.ContainsFunc(label, isNotInName):
			return errNameChars
		case label[0] == '-' || label[len(label)-1] == '-':
			return errNameHyphen
		}
		last = label
	}
	// What ends in a number is an old way to write an IPv4 address: 127.1, or 0x7f000001.
	if strings.Trim(last, "0123456789") == "" || isHexNumber(last) {
		return errNameNumber
	}
	return nil
}

func isNotInName(r rune) bool { return !strings.ContainsRune(nameChars, r) }

func isHexNumber(label string) bool {
	digits, found := strings.CutPrefix(strings.ToLower(label), "0x")
	return found && strings.Trim(digits, "0123456789abcdef") == ""
}
