//go:build !windows

package autostart

const trayName = "holdfast-tray"
