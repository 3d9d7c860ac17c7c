// Package wine holds tests of the Windows programs that run on Linux: Wine gives
// them a Windows of their own, in a folder that is removed at the end, in which
// they are installed as a person would have them. The WireGuard servers are those
// of package lab, in a Linux process on loopback, which both systems share.
//
// The tests need wine64 and the compiler of mingw, and are skipped with a reason
// elsewhere; those of the page also need node and Chromium, those of the tray
// Xvfb, xdotool and ImageMagick. Wine has no driver for wintun and no filtering
// platform, so the interface and the guard are not among what is shown.
package wine
