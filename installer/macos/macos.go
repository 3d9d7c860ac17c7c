// Package macos holds what an installation puts on a Mac beside the programs: the
// file by which launchd keeps holdfastd, and the script that removes everything. It
// is the one place where they are written down; the package carries the files, and
// `holdfast service install` writes the first.
package macos

import (
	_ "embed"
	"encoding/xml"
	"strings"
)

// The names and places on a Mac. Only root may write to any of them; /usr/local/bin
// often belongs to somebody else, so there is only a link in it.
const (
	// Label is the service's name at launchd.
	Label = "org.holdfast.holdfastd"
	// Plist is the file by which launchd knows the service.
	Plist = "/Library/LaunchDaemons/" + Label + ".plist"
	// Home is the folder of tunnels, settings and history, and Programs the one of
	// the programs in it.
	Home     = "/Library/Application Support/Holdfast"
	Programs = Home + "/bin"
	// Link is where a shell finds the command line.
	Link = "/usr/local/bin/holdfast"
	// Logs is the folder of what the service says. /Library/Logs would do, but for
	// administrators, who may write there before they have said who they are:
	// launchd opens what it is told to as root, and follows links.
	Logs = "/var/log/holdfast"
	// Receipt is the package's name at the installer.
	Receipt = "org.holdfast.pkg"
	// Script is the file that removes all of this, in Programs.
	Script = "uninstall.sh"
)

//go:embed org.holdfast.holdfastd.plist
var daemon string

//go:embed uninstall.sh
var script string

// packaged is where the package puts holdfastd, and where the plist looks for it.
const packaged = Programs + "/holdfastd"

// PlistText is the content of Plist, for holdfastd at the absolute path program.
func PlistText(program string) string {
	var escaped strings.Builder
	// A Builder takes all that it is given.
	_ = xml.EscapeText(&escaped, []byte(program))
	return strings.Replace(daemon, "<string>"+packaged+"</string>", "<string>"+escaped.String()+"</string>", 1)
}

// ScriptText is the content of Script.
func ScriptText() string { return script }
