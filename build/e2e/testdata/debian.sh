#!/bin/sh
# Makes a clean Debian with systemd and rpm as an archive, unless it is there
# already. Takes some minutes, and needs root, debootstrap and a mirror.
#
# usage: debian.sh [ARCHIVE]
set -eu
archive=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/debian-bookworm.tar}
[ ! -e "$archive" ] || exit 0

mkdir -p "$(dirname "$archive")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=systemd,systemd-sysv,rpm bookworm "$work/root" > "$work/log" 2>&1 || {
  tail -5 "$work/log" >&2
  exit 1
}
# What was fetched is not needed again, and nobody logs in at a console.
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
rm -rf "$work"/root/etc/systemd/system/getty.target.wants
tar -C "$work/root" --numeric-owner -cf "$archive.$$" .
mv "$archive.$$" "$archive"
