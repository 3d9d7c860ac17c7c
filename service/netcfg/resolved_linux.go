package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// busTimeout bounds the question whether systemd-resolved runs. After it the
// next way to set resolvers is taken.
const busTimeout = 3 * time.Second

const (
	resolvedName   = "org.freedesktop.resolve1"
	resolvedPath   = "/org/freedesktop/resolve1"
	resolvedMethod = "org.freedesktop.resolve1.Manager."
)

// linkDNS and linkDomain are how systemd-resolved takes a server and a domain.
type linkDNS struct {
	Family  int32
	Address []byte
}

type linkDomain struct {
	Domain      string
	RoutingOnly bool
}

// resolvedManages says that the programs which read the file are led to
// systemd-resolved: it is one of its own, or names its stub.
func resolvedManages(path string) bool {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		if strings.Contains(target, "/systemd/resolve/") || strings.HasSuffix(target, "/lib/systemd/resolv.conf") {
			return true
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "nameserver" && (f[1] == "127.0.0.53" || f[1] == "127.0.0.54") {
			return true
		}
	}
	return false
}

// resolvedRuns says that somebody answers to its name on the bus.
func (m *Manager) resolvedRuns(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, busTimeout)
	defer cancel()
	conn, err := m.Bus(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	var owned bool
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, resolvedName).Store(&owned)
	return err == nil && owned
}

// call is one method call with its arguments.
type call struct {
	method string
	args   []any
}

func (m *Manager) callResolved(ctx context.Context, calls []call) error {
	conn, err := m.Bus(ctx)
	if err != nil {
		return fmt.Errorf("open bus: %w", err)
	}
	defer func() { _ = conn.Close() }()
	object := conn.Object(resolvedName, resolvedPath)
	for _, c := range calls {
		if err := object.CallWithContext(ctx, resolvedMethod+c.method, 0, c.args...).Err; err != nil {
			return fmt.Errorf("%s: %w", c.method, err)
		}
	}
	return nil
}

// tellResolved hands the link's servers over. With a full tunnel every name is
// routed to them; with a split one the search domains are, or, where there are
// none, the link becomes one of those asked for any name.
func (m *Manager) tellResolved(ctx context.Context, d *dnsKept) error {
	index := int32(d.Index)
	servers := make([]linkDNS, 0, len(d.Servers))
	for _, a := range d.Servers {
		servers = append(servers, linkDNS{Family: family(a), Address: a.AsSlice()})
	}
	domains := []linkDomain{}
	for _, s := range d.Search {
		domains = append(domains, linkDomain{Domain: strings.TrimSuffix(s, ".")})
	}
	if d.Full {
		domains = append(domains, linkDomain{Domain: ".", RoutingOnly: true})
	}
	return m.callResolved(ctx, []call{
		{"SetLinkDNS", []any{index, servers}},
		{"SetLinkDomains", []any{index, domains}},
		{"SetLinkDefaultRoute", []any{index, d.Full || len(d.Search) == 0}},
		{"FlushCaches", nil},
	})
}

// revertResolved makes systemd-resolved forget what it was told. It does so by
// itself when it is stopped or the interface goes.
func (m *Manager) revertResolved(ctx context.Context, d *dnsKept) error {
	if i, err := net.InterfaceByIndex(d.Index); err != nil || i.Name != d.Name {
		return nil
	}
	err := m.callResolved(ctx, []call{{"RevertLink", []any{int32(d.Index)}}, {"FlushCaches", nil}})
	if err != nil && !m.resolvedRuns(ctx) {
		return nil
	}
	if e := (dbus.Error{}); errors.As(err, &e) && strings.HasSuffix(e.Name, "NoSuchLink") {
		return nil
	}
	return err
}

func family(a netip.Addr) int32 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
