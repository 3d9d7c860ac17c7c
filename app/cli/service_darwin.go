package main

import (
	"os"
	"time"

	"holdfast/installer/macos"
)

func newManager(*program) (manager, error) {
	return &launchd{
		plist:     macos.Plist,
		home:      macos.Home,
		logs:      macos.Logs,
		launchctl: "/bin/launchctl",
		uid:       os.Geteuid(),
		isRoots:   belongsToRoot,
		// A little more than the service gives itself.
		leaveWithin: 45 * time.Second,
		leaveEvery:  100 * time.Millisecond,
	}, nil
}

// belongsToRoot says that the members of a group are as good as root: those of
// wheel are. Administrators, the group admin, are not until they have said who they
// are.
func belongsToRoot(gid uint32) bool { return gid == 0 }
