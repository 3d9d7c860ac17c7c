package main

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"holdfast/build/version"
	"holdfast/installer/macos"
)

// systemFindings checks what the service needs of macOS.
func systemFindings() []finding {
	m, err := newManager(nil)
	var registered finding
	if err == nil {
		registered = registeredFinding(m.Status(context.Background()))
	} else {
		registered = registeredFinding(managed{}, err)
	}
	return []finding{
		memberFinding(), registered, programFinding(filepath.Join(macos.Programs, "holdfastd")),
		confFinding(defaultConfigDir), clockFinding(time.Now(), version.Built),
	}
}

// memberFinding sees whether the person may use the service.
func memberFinding() finding {
	f := finding{Name: "group"}
	if os.Geteuid() == 0 {
		f.Result, f.Detail = passed, "root needs no group"
		return f
	}
	gids, err := os.Getgroups()
	if err != nil {
		f.Result, f.Detail = skipped, reason(err)
		return f
	}
	for _, name := range []string{"admin", "holdfast"} {
		group, err := user.LookupGroup(name)
		if err != nil {
			continue
		}
		if gid, err := strconv.Atoi(group.Gid); err == nil && slices.Contains(gids, gid) {
			f.Result, f.Detail = passed, "you are in the group "+name
			return f
		}
	}
	f.Result, f.Detail, f.Hint = warned, "you are no administrator of this Mac, and not in the group holdfast", hintGroup
	return f
}

// programFinding sees whether the service's program is there, and root's alone.
func programFinding(path string) finding {
	f := finding{Name: "program"}
	if _, err := os.Stat(path); err != nil {
		f.Result, f.Detail = skipped, path+": "+reason(err)
		return f
	}
	if err := onlyRootWrites(path, belongsToRoot); err != nil {
		f.Result, f.Detail = broken, "the service runs as root, and "+err.Error()
		f.Hint = "install Holdfast again"
		return f
	}
	f.Result, f.Detail = passed, path+" is there, and only root may change it"
	return f
}
