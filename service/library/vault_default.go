//go:build !windows

package library

// system is how tunnels lie on the disk of this system: as they are, in files that
// only their owner may read.
var system = vault{suffix: confSuffix}
