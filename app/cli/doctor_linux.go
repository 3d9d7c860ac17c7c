package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/installer/linux"
	"holdfast/service/tunnel"
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

// confFinding reads every stored tunnel where the person may, and sees that
// nobody else may.
func confFinding(dir string) finding {
	f := finding{Name: "tunnels"}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Result, f.Detail = passed, "none is stored yet"
		return f
	case errors.Is(err, fs.ErrPermission):
		f.Result, f.Detail = skipped, "only root may read "+dir+", as it should be"
		return f
	case err != nil:
		f.Result, f.Detail = broken, "read "+dir+": "+reason(err)
		return f
	}
	var wrong []string
	read := 0
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".conf" {
			continue
		}
		read++
		if fault := confFault(filepath.Join(dir, e.Name())); fault != "" {
			wrong = append(wrong, e.Name()+" "+fault)
		}
	}
	if len(wrong) > 0 {
		f.Result, f.Detail = broken, strings.Join(wrong, "; ")
		f.Hint = "see: holdfast tunnel check " + filepath.Join(dir, "*.conf")
		return f
	}
	f.Result, f.Detail = passed, count(read, "tunnel")+" can be read, by root alone"
	return f
}

// confFault is what is wrong with one stored tunnel, or "".
func confFault(path string) string {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "cannot be opened: " + reason(err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return "cannot be looked at: " + reason(err)
	}
	if !info.Mode().IsRegular() {
		return "is no plain file"
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("can be read by others (%#o)", info.Mode().Perm())
	}
	text, err := readLimited(file, tunnel.MaxBytes)
	if err != nil {
		return "cannot be read: " + reason(err)
	}
	var problems tunnel.Problems
	if _, err := tunnel.Parse(text); errors.As(err, &problems) {
		return "has " + count(len(problems), "problem")
	}
	return ""
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
