// Package loader has Windows load libraries from its own folder alone, whatever
// lies beside the program or where it was started. It does so when it is
// initialised, and imports next to nothing, so that this comes before the other
// packages are. Every program's main imports it for that.
package loader
