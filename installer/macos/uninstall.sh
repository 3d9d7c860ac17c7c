#!/bin/sh
# Removes Holdfast from this Mac: the service, the programs and their links. Tunnels,
# settings and history stay in "/Library/Application Support/Holdfast"; with --purge
# they go too.
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

# It opens the guard too. 7: the service is not installed, which is as well.
"$home/bin/holdfast" service uninstall || [ $? -eq 7 ]

/bin/rm -f /usr/local/bin/holdfast
/bin/rm -rf "$home/bin" /Library/Logs/Holdfast
if [ "${1-}" = --purge ]; then
	/bin/rm -rf "$home"
fi
/usr/sbin/pkgutil --forget org.holdfast.pkg >/dev/null 2>&1 || true
echo "uninstall: Holdfast was removed"
