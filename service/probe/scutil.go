package probe

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"holdfast/service/underlay"
)

var (
	scutilServer = regexp.MustCompile(`^ *nameserver\[[0-9]+\] : (\S+)`)
	scutilLink   = regexp.MustCompile(`^ *if_index : ([0-9]+) `)
)

// scopedServers are the name servers of each interface in what `scutil --dns`
// prints: those for queries that are scoped to it. Whatever else is asked first, by
// the choice of another program or of ours, is in other parts of it.
func scopedServers(text string) []underlay.Server {
	_, scoped, _ := strings.Cut(text, "DNS configuration (for scoped queries)")
	scoped, _, _ = strings.Cut(scoped, "DNS configuration (")
	var out, here []underlay.Server // here: of the resolver that is read
	for line := range strings.Lines(scoped) {
		if strings.HasPrefix(line, "resolver #") {
			here = nil
		}
		if found := scutilServer.FindStringSubmatch(line); found != nil {
			if a, err := netip.ParseAddr(found[1]); err == nil && !a.IsUnspecified() {
				here = append(here, underlay.Server{Addr: a.Unmap()})
			}
		}
		if found := scutilLink.FindStringSubmatch(line); found != nil {
			link, _ := strconv.Atoi(found[1]) // 0, of no interface, where it is too long
			for _, s := range here {
				out = append(out, underlay.Server{Link: link, Addr: s.Addr})
			}
			here = nil
		}
	}
	return out
}
