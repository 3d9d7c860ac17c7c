//go:build unix

package agent

import (
	"io/fs"
	"os"
	"syscall"
)

// isPrivate says that a folder belongs to the person and nobody else may enter it.
func isPrivate(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
