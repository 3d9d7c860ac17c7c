package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/installer/linux"
)

// The files that the checks look at.
const (
	tunPath    = "/dev/net/tun"
	confDir    = "/etc/holdfast"
	resolvConf = "/etc/resolv.conf"
	bootedPath = "/run/systemd/system"
	unitPaths  = "/etc/systemd/system/holdfastd.service /usr/lib/systemd/system/holdfastd.service /lib/systemd/system/holdfastd.service"
)

// systemFindings checks what the service needs of Linux.
func systemFindings() []finding {
	return []finding{
		groupFinding(), tunFinding(tunPath), confFinding(confDir), resolvFinding(resolvConf), unitFinding(bootedPath, strings.Fields(unitPaths)),
	}
}

// groupFinding sees whether the person is in the group that may use the
// service, now and not only since the last login.
func groupFinding() finding {
	f := finding{Name: "group"}
	group, err := user.LookupGroup("holdfast")
	switch {
	case os.Geteuid() == 0:
		f.Result, f.Detail = passed, "root needs no group"
	case err != nil:
		f.Result, f.Detail = warned, "there is no group holdfast: only root may use the service"
		f.Hint = "make it: sudo groupadd --system holdfast"
	default:
		gids, err := os.Getgroups()
		if err == nil && slices.ContainsFunc(gids, func(gid int) bool { return fmt.Sprint(gid) == group.Gid }) {
			f.Result, f.Detail = passed, "you are in the group holdfast"
			break
		}
		f.Result, f.Detail, f.Hint = warned, "you are not in the group holdfast in this session", hintGroup
	}
	return f
}

// tunFinding sees whether the kernel's TUN device is there. Its rights matter
// to root alone, which has them.
func tunFinding(path string) finding {
	f := finding{Name: "tun"}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.Result, f.Detail = broken, "there is no "+path+": "+reason(err)
		f.Hint = "load it: sudo modprobe tun; in a container, hand the device in"
	case info.Mode()&os.ModeCharDevice == 0:
		f.Result, f.Detail, f.Hint = broken, path+" is no device", "something replaced it; restart udev or the container"
	default:
		f.Result, f.Detail = passed, path+" is there"
	}
	return f
}

// resolvFinding says who looks after DNS, and finds a file that leads nowhere.
func resolvFinding(path string) finding {
	f := finding{Name: "dns"}
	if _, err := os.Stat(path); err != nil {
		f.Result, f.Detail = broken, "names cannot be looked up: "+path+": "+reason(err)
		f.Hint = "restore it, or let systemd-resolved manage it"
		return f
	}
	f.Result = passed
	target, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil && strings.HasPrefix(target, "/run/systemd/resolve/"):
		f.Detail = "systemd-resolved looks after it"
	case err == nil && strings.Contains(target, "resolvconf"):
		f.Detail = "resolvconf looks after it"
	default:
		f.Detail = path + " is a plain file; it is put back when the tunnel goes down"
	}
	return f
}

// unitFinding sees whether the service comes back after a restart of the computer.
func unitFinding(booted string, units []string) finding {
	f := finding{Name: "start"}
	if _, err := os.Stat(booted); err != nil {
		f.Result, f.Detail = skipped, "systemd does not run this system"
		return f
	}
	for _, unit := range units {
		if _, err := os.Stat(unit); err != nil {
			continue
		}
		f.Result, f.Detail = passed, "installed as "+unit
		if _, err := os.Stat(filepath.Join(filepath.Dir(unit), linux.EarlyBoot)); err != nil {
			f.Result, f.Detail = warned, "at boot nothing is kept in until holdfastd has started"
			f.Hint = "install the unit for that: sudo holdfast service install"
		}
		return f
	}
	f.Result, f.Detail = warned, "holdfastd is not installed as a service"
	f.Hint = "install it: sudo holdfast service install"
	return f
}
