//go:build !darwin

package daemon

// groups are those of the system whose members may act. On Windows the caller's
// token says so instead.
var groups = []string{"holdfast"}
