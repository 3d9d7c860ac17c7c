package guard

import (
	"time"

	"golang.org/x/sys/unix"
)

// element is the set that a permit is in, and its element there.
func (p permit) element() (name string, e element) {
	addr := string(p.to.Addr().AsSlice())
	switch v4 := p.to.Addr().Is4(); {
	case p.protocol == unix.IPPROTO_ICMP && v4:
		return setPing4, element{key: addr}
	case p.protocol == unix.IPPROTO_ICMP:
		return setPing6, element{key: addr}
	case v4:
		return setPass4, element{key: addr + protoPort(p.protocol, p.to.Port())}
	default:
		return setPass6, element{key: addr + protoPort(p.protocol, p.to.Port())}
	}
}

// except adds or deletes the element of a permit. One that another program has
// added or deleted already is an error, and is told by Watch.
func (k *kernel) except(p permit, add bool) error {
	kind := uint16(unix.NFT_MSG_DELSETELEM)
	if add {
		kind = unix.NFT_MSG_NEWSETELEM
	}
	name, e := p.element()
	w := writer{family: unix.NFPROTO_INET}
	w.change(kind, &set{name: name}, map[element]time.Duration{e: 0})
	if err := k.writer.commit(0, w.batch); err != nil {
		return explainRefusal(err)
	}
	return nil
}
