//go:build !windows

package main

import (
	"github.com/spf13/pflag"

	"holdfast/service/host"
)

// hostFlags adds nothing: who started us is known without.
func hostFlags(*pflag.FlagSet, *host.Options) {}
