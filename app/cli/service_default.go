//go:build !linux

package main

import "errors"

// errNoManager answers the service commands on systems whose keeper of services
// this program does not know yet: launchd on macOS, the service control manager
// on Windows.
var errNoManager = errors.New("service commands are not there yet on this system: start holdfastd by hand")

func newManager(*program) (manager, error) {
	return nil, failed(errNoManager, "run it in a terminal with administrator rights: holdfastd run", "service")
}
