// Package windows holds what an installation puts on a Windows system beside the
// programs. It is the one place where that is written down; the installer is made
// of it, and `holdfast service install` writes it.
package windows
