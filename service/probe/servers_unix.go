//go:build !windows

package probe

// resolvConf names the system's name servers.
const resolvConf = "/etc/resolv.conf"
