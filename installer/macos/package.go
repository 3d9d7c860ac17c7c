package macos

import (
	_ "embed"
	"strings"
)

// The tray, which is an app, so that notifications are its own, and starts for
// everyone at login.
const (
	// App is the folder of the app.
	App = "/Applications/Holdfast.app"
	// TrayLabel is the tray's name at launchd, and that of the app.
	TrayLabel = "org.holdfast.tray"
	// TrayPlist is the file by which launchd starts the tray for everyone.
	TrayPlist = "/Library/LaunchAgents/" + TrayLabel + ".plist"
	// AtLogin tells the tray that it was started at login, so that it can leave
	// again where the person does not want that.
	AtLogin = "--at-login"
)

var (
	//go:embed Info.plist
	info string
	//go:embed org.holdfast.tray.plist
	tray string
	//go:embed component.plist
	component string
	//go:embed distribution.xml
	distribution string
	//go:embed preinstall
	preinstall string
	//go:embed postinstall
	postinstall string
)

// noVersion stands for the version in the texts.
const noVersion = "0.0.0"

// InfoText is the content of Contents/Info.plist in App, for a version of three
// numbers.
func InfoText(version string) string { return strings.ReplaceAll(info, noVersion, version) }

// TrayText is the content of TrayPlist.
func TrayText() string { return tray }

// ComponentText tells pkgbuild about App.
func ComponentText() string { return component }

// DistributionText tells productbuild about the package, for a processor as Apple
// names it, "arm64" or "x86_64".
func DistributionText(version, processor string) string {
	return strings.NewReplacer(noVersion, version, `"arm64"`, `"`+processor+`"`).Replace(distribution)
}

// Scripts are what the installer runs as root, by the names that it knows.
func Scripts() map[string]string {
	return map[string]string{"preinstall": preinstall, "postinstall": postinstall}
}
