//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// privateFolder is where a text with keys may lie for a while: in wanted, which
// may be "", or else in the usual folder for temporary files. One in which
// somebody else may replace what is ours is passed over: after su the
// environment still names those of the person before.
func privateFolder(wanted string) string {
	for _, dir := range []string{wanted, os.TempDir()} {
		if info, err := os.Stat(dir); err == nil && isSafe(info) {
			return dir
		}
	}
	return "/tmp"
}

// isSafe says that nobody but us, and root, may replace what we put into a folder.
func isSafe(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return false
	}
	isOurs := int(stat.Uid) == os.Geteuid() && info.Mode()&0o022 == 0
	isSticky := (stat.Uid == 0 || int(stat.Uid) == os.Geteuid()) && info.Mode()&fs.ModeSticky != 0
	return isOurs || isSticky
}
