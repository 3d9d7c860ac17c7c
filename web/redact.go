package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// redactor takes out of a text what must not leave the computer: keys, public
// addresses but for their first part, hardware addresses, host names, and the
// names in home folders. One name becomes the same word throughout a bundle,
// and another in the next.
type redactor struct {
	salt  [16]byte
	hosts *regexp.Regexp // any of the names, however they are written; nil: none
}

func newRedactor(names []string) *redactor {
	r := &redactor{}
	_, _ = rand.Read(r.salt[:]) // it never fails
	known := map[string]bool{}
	var hosts []string
	for _, h := range names {
		h = strings.TrimSuffix(h, ".") // messages have the name without it
		// A very short name would be found inside other words.
		if _, err := netip.ParseAddr(h); err != nil && len(h) > 2 && !known[h] {
			known[h] = true
			hosts = append(hosts, regexp.QuoteMeta(h))
		}
	}
	if len(hosts) > 0 {
		// One expression for all: there may be hundreds. Of two names that begin
		// at the same place the longer one is to be found.
		slices.SortFunc(hosts, func(a, b string) int { return len(b) - len(a) })
		r.hosts = regexp.MustCompile("(?i)" + strings.Join(hosts, "|"))
	}
	return r
}

var (
	base64Key = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)
	hexKey    = regexp.MustCompile(`\b[0-9A-Fa-f]{64}\b`)
	hardware  = regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`)
	home      = regexp.MustCompile(`(?i)(/home/|/Users/|\\Users\\+)[^/\\\s"',:;]+`)
	address4  = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	address6  = regexp.MustCompile(`(?i)\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`)
)

func (r *redactor) redact(text string) string {
	text = base64Key.ReplaceAllString(text, "(key)")
	text = hexKey.ReplaceAllString(text, "(key)")
	text = hardware.ReplaceAllString(text, "(hardware address)")
	text = home.ReplaceAllString(text, "${1}(user)")
	if r.hosts != nil {
		text = r.hosts.ReplaceAllStringFunc(text, r.alias)
	}
	text = address4.ReplaceAllStringFunc(text, redactAddress)
	return address6.ReplaceAllStringFunc(text, redactAddress6)
}

// alias is what a host name becomes.
func (r *redactor) alias(host string) string {
	sum := sha256.Sum256(append(r.salt[:], strings.ToLower(host)...))
	return "host-" + hex.EncodeToString(sum[:4])
}

// redactAddress6 is redactAddress for what may have a colon before or after it,
// as in "2001:db8::1: no answer".
func redactAddress6(text string) string {
	for _, colons := range [][2]string{{"", ""}, {"", ":"}, {":", ""}, {":", ":"}} {
		inner := strings.TrimSuffix(strings.TrimPrefix(text, colons[0]), colons[1])
		if _, err := netip.ParseAddr(inner); err == nil {
			before, after, _ := strings.Cut(text, inner)
			return before + redactAddress(inner) + after
		}
	}
	return text
}

// redactAddress keeps addresses that say nothing about where someone is, and of
// others the first 16 (IPv4) or 32 bits.
func redactAddress(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil || a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return text
	}
	b := a.Unmap().AsSlice()
	if a.Unmap().Is4() {
		return fmt.Sprintf("%d.%d.x.x", b[0], b[1])
	}
	return fmt.Sprintf("%x:%x:x", binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]))
}
