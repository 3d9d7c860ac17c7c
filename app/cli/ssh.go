package main

import (
	"context"
	"net/netip"
	"strings"

	"holdfast/service/failover"
)

// warnOverSSH tells who works on this computer from another one that the guard is
// about to keep in what answers it. Afterwards nobody would read it.
func (p *program) warnOverSSH(ctx context.Context) {
	from, _, _ := strings.Cut(p.env("SSH_CONNECTION"), " ")
	addr, err := netip.ParseAddr(from)
	if err != nil || addr.IsLoopback() {
		return
	}
	settings, err := p.client().Settings(ctx)
	if err != nil {
		return // that the service cannot be asked is told by what comes next
	}
	set := map[string]string{}
	for _, s := range settings.Settings {
		set[s.Key] = s.Value
	}
	private := addr.Unmap().IsPrivate() || addr.IsLinkLocalUnicast()
	switch {
	case set["guard"] == string(failover.GuardOff), private && set["allow_lan"] == "true":
	case private:
		p.note("you work here by SSH from %s: the guard keeps in what answers it. To let the private network pass: %s", from, asRoot("holdfast settings set allow_lan=true"))
	default:
		p.note("you work here by SSH from %s: a tunnel that does not lead there, and the guard, end that. To go without the guard: %s", from, asRoot("holdfast guard off"))
	}
}
