package userspace

import (
	"fmt"
	"net/netip"
	"os"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// SetAddresses replaces the interface's addresses. Those that stay are not
// touched; connections and listeners of those that go are ended. Everything is
// reached through the interface, so the length of a prefix means nothing here.
func (i *Interface) SetAddresses(prefixes []netip.Prefix) error {
	want := map[netip.Addr]struct{}{}
	for _, p := range prefixes {
		if !p.IsValid() {
			return fmt.Errorf("address %s is not valid", p)
		}
		want[p.Addr().Unmap().WithZone("")] = struct{}{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.isClosed {
		return os.ErrClosed
	}
	// New ones first: what must leave meanwhile has an address to leave from.
	for a := range want {
		if err := i.addLocked(a); err != nil {
			return err
		}
	}
	for a := range i.addresses {
		if _, stays := want[a]; stays {
			continue
		}
		if err := i.stack.RemoveAddress(nic, stackAddr(a)); err != nil {
			return fmt.Errorf("remove address %s: %s", a, err)
		}
		delete(i.addresses, a)
		i.endConnections(stackAddr(a))
	}
	return nil
}

func (i *Interface) addLocked(a netip.Addr) error {
	if _, there := i.addresses[a]; there {
		return nil
	}
	err := i.stack.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          protocolOf(a),
		AddressWithPrefix: stackAddr(a).WithPrefix(),
	}, stack.AddressProperties{})
	if err != nil {
		return fmt.Errorf("add address %s: %s", a, err)
	}
	i.addresses[a] = struct{}{}
	return nil
}

// endConnections ends every endpoint that is bound to a. The stack by itself
// would let them time out.
func (i *Interface) endConnections(a tcpip.Address) {
	for _, ep := range i.stack.RegisteredEndpoints() {
		bound, ok := ep.(interface {
			GetLocalAddress() (tcpip.FullAddress, tcpip.Error)
		})
		if !ok {
			continue
		}
		if local, err := bound.GetLocalAddress(); err == nil && local.Addr == a {
			ep.Abort()
		}
	}
}

// Addresses lists the interface's addresses, in order.
func (i *Interface) Addresses() []netip.Addr {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]netip.Addr, 0, len(i.addresses))
	for a := range i.addresses {
		list = append(list, a)
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

// SetDNS replaces the servers that names are asked from, through the interface.
// None: names cannot be resolved.
func (i *Interface) SetDNS(servers []netip.Addr) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.dns = slices.Clone(servers)
}

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func stackAddr(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

// fullAddr is an address of the stack. An unspecified one stays empty: the
// stack chooses.
func fullAddr(ap netip.AddrPort) (tcpip.FullAddress, tcpip.NetworkProtocolNumber) {
	a := ap.Addr().Unmap()
	full := tcpip.FullAddress{NIC: nic, Port: ap.Port()}
	if a.IsValid() && !a.IsUnspecified() {
		full.Addr = stackAddr(a)
	}
	return full, protocolOf(a)
}
