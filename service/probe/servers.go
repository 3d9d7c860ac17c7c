package probe

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"holdfast/service/underlay"
)

const (
	// maxServers is the number of name servers that are asked.
	maxServers = 4
	// maxConf bounds the part of a file that is read, in bytes.
	maxConf = 64 << 10
	dnsPort = 53
)

// Remember reads the name servers that the underlay names at the moment, and
// has every name asked for anew: it is called at the start and after each change of
// the network, before the tunnel's own resolvers are set. Servers in except
// are the tunnel's and are left out. Where none remains the earlier ones stay.
func (r *Resolver) Remember(except ...netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.recent)
	if len(r.Servers) == 0 {
		r.rememberLocked(except)
	}
}

func (r *Resolver) rememberLocked(except []netip.Addr) {
	r.asked = true
	servers, err := r.namedServers()
	if err == nil && len(servers) > 0 && !slices.ContainsFunc(servers, isNotStub) {
		servers, err = readServers(r.ResolvedConf)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Log.Warn("the network's name servers are not known", "err", err)
	}
	servers = slices.DeleteFunc(servers, func(s netip.AddrPort) bool { return slices.Contains(except, s.Addr()) })
	if len(servers) > 0 {
		r.servers = servers[:min(len(servers), maxServers)]
	}
}

// namedServers returns what the file names, or the interfaces where there is none.
func (r *Resolver) namedServers() ([]netip.AddrPort, error) {
	if r.ResolvConf != "" {
		return readServers(r.ResolvConf)
	}
	t, err := underlay.Read()
	if err == nil {
		err = tellServers(t)
	}
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	for _, a := range t.NameServers(r.Ours) {
		out = append(out, netip.AddrPortFrom(a, dnsPort))
	}
	if len(out) == 0 && otherConf != "" {
		return readServers(otherConf)
	}
	return out, nil
}

// NameServers returns the servers that are asked.
func (r *Resolver) NameServers() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.servers)
}

// isNotStub says that a server is not the stub of systemd-resolved, which asks
// through the tunnel as everybody else.
func isNotStub(s netip.AddrPort) bool {
	return s.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 53}) && s.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 54})
}

// readServers returns the nameserver lines of a resolv.conf. What is not an
// address is passed over, as the system does.
func readServers(path string) ([]netip.AddrPort, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseServers(string(text[:min(len(text), maxConf)])), nil
}

func parseServers(text string) []netip.AddrPort {
	var out []netip.AddrPort
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(f[1])
		if err != nil || a.IsUnspecified() {
			continue
		}
		if s := netip.AddrPortFrom(a.Unmap(), dnsPort); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
