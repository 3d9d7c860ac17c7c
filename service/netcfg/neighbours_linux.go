package netcfg

import (
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// askAnew forgets the neighbours that have not answered. The system asks for one
// once a second, and for three seconds; where it began while a link was down, as
// in a sleep, what we send when the link is back would wait for the next of
// these seconds, behind all that was held back meanwhile. Forgotten, the
// neighbour is asked for at once. What cannot be forgotten is asked for later.
func (k *kernel) askAnew() {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		list, err := k.NeighList(0, family)
		if err != nil {
			continue
		}
		for i := range list {
			if list[i].State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0 {
				_ = k.NeighDel(&list[i])
			}
		}
	}
}
