package main

import (
	"github.com/spf13/pflag"

	"holdfast/service/host"
)

// hostFlags adds how the service manager says that it was the one who started us.
func hostFlags(f *pflag.FlagSet, o *host.Options) {
	f.BoolVar(&o.Managed, "service", false, "run as a Windows service; only the service manager says so")
}
