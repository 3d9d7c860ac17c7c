//go:build !cgo && !typecheck

package store

// SQLite is compiled from C. Without cgo its driver builds all the same and
// fails on first use, which is too late; this line fails the build instead.
var _ = holdfast_needs_cgo_set_CGO_ENABLED_1_and_install_a_C_compiler
