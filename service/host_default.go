//go:build !windows

package main

import (
	"github.com/spf13/pflag"

	"holdfast/service/daemon"
	"holdfast/service/host"
)

// hostFlags adds nothing: who started us is known without.
func hostFlags(*pflag.FlagSet, *host.Options) {}

// prepare has nothing to do: what opens the folders closes them to others.
func prepare(daemon.Options, host.Options) error { return nil }
