package main

import (
	"strings"
	"time"
)

// clockFinding sees whether the clock is right enough: servers refuse a handshake
// that is dated before one they know, and this program was not built in the future.
// Zero: it is not known when it was built.
func clockFinding(now, built time.Time) finding {
	f := finding{Name: "clock", Result: passed, Detail: "it is " + now.Local().Format(time.DateTime)}
	if !built.IsZero() && now.Before(built) {
		f.Result = broken
		f.Detail += ", before this program was built: servers may refuse handshakes"
		f.Hint = "set the clock, and let the system keep it"
	}
	return f
}

// rivals are parts of the names of interfaces by which other programs for tunnels
// are known, in small letters.
var rivals = []string{
	"wireguard", "openvpn", "tap-windows", "nordlynx", "mullvad", "tailscale", "proton", "cloudflare", "warp", "zerotier",
	"anyconnect", "cisco", "fortinet", "globalprotect", "pangp", "expressvpn", "surfshark", "netbird", "windscribe",
}

// rivalsFinding looks among the interfaces that are up for those of other tunnels:
// their routes and filters, and ours, undo each other.
func rivalsFinding(up []string) finding {
	f := finding{Name: "others", Result: passed, Detail: "no interface of another VPN is up"}
	var found []string
	for _, name := range up {
		for _, rival := range rivals {
			if strings.Contains(strings.ToLower(name), rival) {
				found = append(found, name)
				break
			}
		}
	}
	if len(found) > 0 {
		f.Result, f.Detail = warned, "another VPN is up: "+strings.Join(found, ", ")
		f.Hint = "disconnect it while Holdfast is connected"
	}
	return f
}

// registeredFinding sees whether the service comes back after a restart of the
// computer.
func registeredFinding(m managed, err error) finding {
	f := finding{Name: "start"}
	switch {
	case err != nil:
		f.Result, f.Detail = skipped, explain(err).message
	case !m.Installed:
		f.Result, f.Detail = warned, "holdfastd is not installed as a service"
		f.Hint = "install it: " + asRoot("holdfast service install")
	case !m.AtBoot:
		f.Result, f.Detail = warned, "holdfastd is installed, and does not start at boot"
		f.Hint = "install it again: " + asRoot("holdfast service install")
	case !m.Running:
		f.Result, f.Detail = broken, "holdfastd is installed, and does not run: "+m.State
		f.Hint = "start it: " + asRoot("holdfast service start")
	default:
		f.Result, f.Detail = passed, "holdfastd is installed, starts at boot, and runs"
	}
	return f
}
