package probe

import (
	"context"
	"errors"
)

// errEchoOnly says that silence of the router is no proof here.
var errEchoOnly = errors.New("the router does not answer echoes")

// neighbour fails: an entry of this system's neighbour table stands for up to
// 20 minutes, and nobody can have it asked for anew.
func (o *Outside) neighbour(context.Context, exit) (bool, error) { return false, errEchoOnly }
