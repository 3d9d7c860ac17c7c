//go:build !linux && !darwin

package main

// lastResort is what opens everything where nothing of Holdfast works any more.
const lastResort = `  this system has no command of its own for it; reinstall Holdfast, and uninstall it`
