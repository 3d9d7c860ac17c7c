package tunnel

import (
	"net/netip"
	"strconv"
	"strings"
)

// Config is one tunnel: what a wg-quick .conf says, and nothing that it cannot say.
type Config struct {
	Interface Interface
	Peers     []Peer
}

// Interface is the [Interface] section.
type Interface struct {
	PrivateKey PrivateKey
	// Addresses are the interface's own addresses with the length of their network.
	Addresses []netip.Prefix
	// DNS are the resolvers to use while the tunnel is up, Search the domains
	// (wg-quick writes both under DNS). Empty: the system's stay.
	DNS    []netip.Addr
	Search []string
	// ListenPort is the UDP port to send from. 0: any.
	ListenPort uint16
	// MTU of the interface in bytes. 0: the policy's.
	MTU int
	// Table, FwMark and SaveConfig are kept for export and shown; Holdfast
	// chooses its own table and mark and never rewrites a config.
	Table      string // "", "off", "auto", "main" or a number
	FwMark     uint32 // 0: none, or "off"
	SaveConfig bool
	// The scripts are kept for export and shown. They are never run.
	PreUp, PostUp, PreDown, PostDown []string
}

// Peer is one [Peer] section.
type Peer struct {
	PublicKey    PublicKey
	PresharedKey PresharedKey // zero: none
	AllowedIPs   []netip.Prefix
	Endpoint     Endpoint // zero: the peer is reached only after it has spoken
	// Keepalive is the persistent keepalive interval in seconds. 0: off.
	Keepalive uint16
}

// Endpoint is where a peer listens. The zero value is none.
type Endpoint struct {
	Host string // an IP address without brackets, or a DNS name
	Port uint16
}

// IsZero says that no endpoint is known.
func (e Endpoint) IsZero() bool { return e == Endpoint{} }

// String is the form of wg(8): host:port, [v6]:port.
func (e Endpoint) String() string {
	if e.IsZero() {
		return ""
	}
	host := e.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(e.Port))
}

// Addr returns the endpoint's address where Host is one, and false where it is
// a name that must be resolved.
func (e Endpoint) Addr() (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(e.Host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, e.Port), true
}

// Scripts lists the script lines that were kept and will not be run, as
// "PostUp = …", in the order of wg-quick(8).
func (i *Interface) Scripts() []string {
	var out []string
	for _, s := range []struct {
		key   string
		lines []string
	}{{"PreUp", i.PreUp}, {"PostUp", i.PostUp}, {"PreDown", i.PreDown}, {"PostDown", i.PostDown}} {
		for _, l := range s.lines {
			out = append(out, s.key+" = "+l)
		}
	}
	return out
}
