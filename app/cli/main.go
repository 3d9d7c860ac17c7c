// Command holdfast is the command line of Holdfast. It asks the service over its
// socket, as the person who runs it, and tells the answer: data on stdout, all
// else on stderr, one JSON object where --json is given.
//
// It keeps no state and decides nothing about tunnels; what it may do is
// decided by the service, from the credentials the kernel tells it. What it
// checks by itself (a .conf before it is sent, the state of the computer for
// doctor) works without the service.
//
// Exit codes, arguments and JSON are a contract: scripts rely on them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"holdfast/service/guard"
	_ "holdfast/service/loader" // before anything loads a library
)

func main() {
	os.Exit(run())
}

// run is main with an exit code, so that deferred calls are carried out.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, root: isRoot, release: releaseAlone, shut: guard.Present}
	return p.run(ctx, os.Args[1:])
}
