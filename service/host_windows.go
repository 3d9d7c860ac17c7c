package main

import (
	"errors"

	"github.com/spf13/pflag"

	"holdfast/installer/windows"
	"holdfast/service/acl"
	"holdfast/service/daemon"
	"holdfast/service/host"
)

// hostFlags adds how the service manager says that it was the one who started us.
func hostFlags(f *pflag.FlagSet, o *host.Options) {
	f.BoolVar(&o.Managed, "service", false, "run as a Windows service; only the service manager says so")
	o.Privileges = windows.Define("").Privileges
}

// prepare keeps everybody but administrators out of the folders of a service of
// the system, before anything is written there.
func prepare(opt daemon.Options, o host.Options) error {
	if !o.Managed {
		return nil
	}
	return errors.Join(acl.MakePrivate(opt.ConfigDir), acl.MakePrivate(opt.StateDir))
}
