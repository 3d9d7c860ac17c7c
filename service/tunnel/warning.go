package tunnel

import (
	"fmt"
	"net/netip"
)

// WarningCode names a kind of warning. The strings are sent: they never change.
type WarningCode string

// The warnings.
const (
	NoRoutes        WarningCode = "no_routes"
	SplitTunnel     WarningCode = "split_tunnel"
	NoIPv6          WarningCode = "no_ipv6"
	NoIPv4          WarningCode = "no_ipv4"
	NoAddress       WarningCode = "no_address"
	NoDNS           WarningCode = "no_dns"
	NoEndpoint      WarningCode = "no_endpoint"
	LocalEndpoint   WarningCode = "local_endpoint"
	KeepaliveOff    WarningCode = "keepalive_off"
	SharedRoute     WarningCode = "shared_route"
	SmallMTU        WarningCode = "small_mtu"
	ScriptsNotRun   WarningCode = "scripts_not_run"
	SettingsIgnored WarningCode = "settings_ignored"
)

// Warning is what a person should know about a config before using it, though
// nothing is wrong with it.
type Warning struct {
	Code    WarningCode `json:"code"`
	Message string      `json:"message"`
	// Details are the lines or entries it is about. Nil: it is about the whole.
	Details []string `json:"details,omitempty"`
}

// Warnings says what a person should know about the config, weightiest first.
// The details of scripts are their full text; nothing here shows a key.
func (c *Config) Warnings() []Warning {
	var out []Warning
	warn := func(code WarningCode, message string, details ...string) {
		out = append(out, Warning{code, message, details})
	}
	c.warnOfRoutes(warn)
	c.warnOfPeers(warn)

	i := &c.Interface
	if len(i.Addresses) == 0 {
		warn(NoAddress, "The interface has no address, so programs cannot send through the tunnel.")
	}
	if used := c.MTU(); used != i.MTU {
		warn(SmallMTU, fmt.Sprintf("An MTU of %d is too small for IPv6; %d is used.", i.MTU, used))
	}
	if scripts := i.Scripts(); len(scripts) > 0 {
		warn(ScriptsNotRun, "The scripts are kept, but never run.", scripts...)
	}
	var ignored []string
	if i.Table != "" {
		ignored = append(ignored, "Table = "+i.Table)
	}
	if i.FwMark != 0 {
		ignored = append(ignored, fmt.Sprintf("FwMark = %#x", i.FwMark))
	}
	if i.SaveConfig {
		ignored = append(ignored, "SaveConfig = true")
	}
	if len(ignored) > 0 {
		warn(SettingsIgnored, "These settings are kept, but Holdfast uses its own table and mark and never rewrites a config.", ignored...)
	}
	return out
}

// MTU is the MTU to use, in bytes: the config's, but no less than IPv6 needs
// where the config has any. 0: the config gives none.
func (c *Config) MTU() int {
	if mtu := c.Interface.MTU; mtu == 0 || mtu >= minMTUv6 || !c.hasIPv6() {
		return mtu
	}
	return minMTUv6
}

func (c *Config) hasIPv6() bool {
	for _, a := range append(c.Routes(), c.Interface.Addresses...) {
		if a.Addr().Is6() {
			return true
		}
	}
	return false
}

func (c *Config) warnOfRoutes(warn func(WarningCode, string, ...string)) {
	if len(c.Routes()) == 0 {
		warn(NoRoutes, "No peer has allowed IPs, so nothing goes through the tunnel.")
		return
	}
	v4, v6 := c.FullTunnel()
	switch {
	case !v4 && !v6:
		var routes []string
		for _, r := range c.Routes() {
			routes = append(routes, r.String())
		}
		warn(SplitTunnel, "Only these networks go through the tunnel; all other traffic is not protected.", routes...)
	case !v6:
		warn(NoIPv6, "The tunnel carries all of IPv4, but not all of IPv6. With the guard on, other IPv6 traffic is blocked.")
	case !v4:
		warn(NoIPv4, "The tunnel carries all of IPv6, but not all of IPv4. With the guard on, other IPv4 traffic is blocked.")
	}
	if (v4 || v6) && len(c.Interface.DNS) == 0 {
		warn(NoDNS, "The tunnel carries everything, but brings no DNS: names are looked up as before, if that still works. With the guard on, the name servers of the network are blocked.")
	}
}

// warnOfPeers names peers by their endpoint, and by their key where they have none.
func (c *Config) warnOfPeers(warn func(WarningCode, string, ...string)) {
	var silent, local, sleepy []string
	for _, p := range c.Peers {
		if p.Endpoint.IsZero() {
			silent = append(silent, p.PublicKey.String())
			continue
		}
		if p.Keepalive == 0 {
			sleepy = append(sleepy, p.Endpoint.String())
		}
		if a, ok := p.Endpoint.Addr(); ok && (a.Addr().IsPrivate() || a.Addr().IsLoopback() || a.Addr().IsLinkLocalUnicast()) {
			local = append(local, p.Endpoint.String())
		}
	}
	if len(silent) > 0 {
		warn(NoEndpoint, "These peers have no endpoint: they are reached only after they have spoken first.", silent...)
	}
	if len(local) > 0 {
		warn(LocalEndpoint, "These endpoints are in the local network, and cannot be reached from elsewhere.", local...)
	}
	if shared := c.sharedRoutes(); len(shared) > 0 {
		warn(SharedRoute, "Several peers claim these networks; only the last of them gets the traffic.", shared...)
	}
	if len(sleepy) > 0 {
		warn(KeepaliveOff, "Keepalive is off: behind a router, these peers may not reach this computer while it is quiet.", sleepy...)
	}
}

// sharedRoutes are the networks that more than one peer has, each once.
func (c *Config) sharedRoutes() []string {
	var out []string
	count := map[netip.Prefix]int{}
	for _, p := range c.Peers {
		for _, r := range p.AllowedIPs {
			if count[r]++; count[r] == 2 {
				out = append(out, r.String())
			}
		}
	}
	return out
}
