#!/bin/sh
# Removes Holdfast from this Mac: the service, the programs and their links. Tunnels,
# settings and history stay in "/Library/Application Support/Holdfast"; with --purge
# they go too. What the tray keeps of other persons than the one at the Mac stays in
# their homes.
set -eu

if [ "$(/usr/bin/id -u)" -ne 0 ]; then
	echo "uninstall: only root may remove Holdfast; try: sudo \"$0\" $*" >&2
	exit 4
fi
case "${1-}" in
"" | --purge) ;;
*)
	echo "uninstall: $1 is not known; there is --purge" >&2
	exit 2
	;;
esac

home="/Library/Application Support/Holdfast"
app="/Applications/Holdfast.app"

# It opens the guard too. 7: the service is not installed, which is as well.
"$home/bin/holdfast" service uninstall || [ $? -eq 7 ]

person=$(/usr/bin/stat -f %u /dev/console)
if [ "$person" -ne 0 ]; then
	/bin/launchctl bootout "gui/$person/org.holdfast.tray" 2>/dev/null || true
	/bin/launchctl asuser "$person" /usr/bin/sudo -H -u "#$person" "$app/Contents/MacOS/holdfast-tray" --forget || true
fi

/bin/rm -f /usr/local/bin/holdfast /Library/LaunchAgents/org.holdfast.tray.plist
/bin/rm -rf "$app" "${home:?}/bin" /var/log/holdfast
if [ "${1-}" = --purge ]; then
	/bin/rm -rf "$home"
fi
/usr/sbin/pkgutil --forget org.holdfast.pkg >/dev/null 2>&1 || true
echo "uninstall: Holdfast was removed"
