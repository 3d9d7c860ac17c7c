//go:build !linux && !windows && !darwin

package main

import "errors"

// errNoManager answers the service commands on systems whose keeper of services
// this program does not know.
var errNoManager = errors.New("there are no service commands on this system: start holdfastd by hand")

func newManager(*program) (manager, error) {
	return nil, failed(errNoManager, "run it in a terminal with administrator rights: holdfastd run", "service")
}
