#!/bin/bash
# Starts a systemd of its own as the first process of the namespaces in which it is
# run. Its root is this system's, as it is, with a memory on top that takes what it
# changes; of this system's units only those of the journal are left.
#
# usage: machine.sh FOLDER CONSOLE HIERARCHY…
#   FOLDER   has bin, whose programs go into /usr/local/bin, and units, etc and var:
#            its /etc/systemd/system, /etc/holdfast and /var/lib/holdfast, which last
#            from one start to the next; or has root, a system to start in place of
#            this one, as it is
#   CONSOLE  the terminal that is its console
#   HIERARCHY  where its cgroups are: unified, and systemd, devices, memory or pids
#            where this system has them apart
set -euo pipefail
folder=$1 console=$2
shift 2

mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$folder/mnt"
mkdir "$folder"/mnt/{root,upper,work}
root=$folder/mnt/root
lower=/
[ ! -e "$folder/root" ] || lower=$(realpath "$folder/root")
mount -t overlay -o "lowerdir=$lower,upperdir=$folder/mnt/upper,workdir=$folder/mnt/work" overlay "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root"/dev/{net,pts,shm}
for node in null zero full random urandom tty net/tun; do
  touch "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
touch "$root/dev/console"
mount --bind "$console" "$root/dev/console"

groups=$root/sys/fs/cgroup
if [ "$*" = unified ]; then
  mount -t cgroup2 cgroup2 "$groups"
else
  mount -t tmpfs -o mode=755 cgroup "$groups"
  for hierarchy in "$@"; do
    mkdir "$groups/$hierarchy"
    case $hierarchy in
      unified) mount -t cgroup2 cgroup2 "$groups/$hierarchy" ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup "$groups/$hierarchy" ;;
      *) mount -t cgroup -o "$hierarchy" cgroup "$groups/$hierarchy" ;;
    esac
  done
fi

: > "$root/etc/fstab"
printf '%s\n' '# the network'\''s own' 'nameserver 10.200.0.1' > "$folder/mnt/resolv.conf"
rm -f "$root/etc/resolv.conf"
install -m 644 "$folder/mnt/resolv.conf" "$root/etc/resolv.conf"
if [ "$lower" = / ]; then
  for wants in "$root"/{usr/,}lib/systemd/system/*.wants; do rm -rf "$wants"; done
  units=$(realpath "$root/lib/systemd/system")
  mkdir "$units"/{sockets,sysinit}.target.wants
  ln -s ../systemd-journald.socket "$units/sockets.target.wants/"
  ln -s ../systemd-journald.service "$units/sysinit.target.wants/"
  mkdir -p "$root"/{etc/holdfast,var/lib/holdfast,etc/systemd/system}
  mount --bind "$folder/units" "$root/etc/systemd/system"
  mount --bind "$folder/etc" "$root/etc/holdfast"
  mount --bind "$folder/var" "$root/var/lib/holdfast"
  rm -f "$root/sbin/resolvconf" "$root/usr/bin/resolvconf"
  install -m 755 "$folder"/bin/* "$root/usr/local/bin/"
fi

# From here on there is nothing but its own files.
cd "$root"
mkdir old
pivot_root . old
umount --lazy old
rmdir old
exec env -i container=holdfast PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  chroot . /lib/systemd/systemd --unit=multi-user.target --log-target=console --show-status=yes
