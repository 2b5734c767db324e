#!/bin/busybox sh
# First process of a guest: load modules, mount the disk, start the agent on it.
# The emulator ends with this process, however it ends (panic=-1 on the kernel's command line).
b=/bin/busybox
say() { echo "bpfc-vm: $*"; }
die() { say "$*"; $b poweroff -f; }

$b mount -t devtmpfs dev /dev
$b mkdir -p /proc /sys
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys

while read -r name; do
    $b insmod "/modules/$name.ko" || say "module $name does not load"
done </modules/order

tries=0
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || die "no disk"
    $b usleep 50000
done
$b mount -t ext4 -o rw,noatime /dev/vda /new || die "the disk cannot be mounted"

for name in dev proc sys; do $b mount --move /$name /new/$name; done
$b mkdir -p /new/dev/pts /new/dev/shm
$b mount -t devpts -o mode=620,ptmxmode=666 devpts /new/dev/pts
for name in dev/shm run tmp; do $b mount -t tmpfs -o mode=1777 tmpfs /new/$name; done
$b chmod 755 /new/run
$b ln -sf /proc/self/fd /new/dev/fd
$b mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
$b mount -t bpf bpf /new/sys/fs/bpf
$b mount -t securityfs securityfs /new/sys/kernel/security
$b mount -t tracefs tracefs /new/sys/kernel/tracing
$b mount -t debugfs debugfs /new/sys/kernel/debug
$b hostname bpfc-vm
$b ip link set lo up

# The project comes as a tar archive on the second disk, so that each boot has it as it is now.
$b tar -x -f /new/dev/vdb -C /new || die "the project cannot be unpacked"
exec $b switch_root /new /bin/busybox sh -c \
    '/usr/local/bin/python3 -I -S "$1" || echo "bpfc-vm: the agent ended with $?"; busybox poweroff -f' \
    init /opt/bpfc/agent.py </dev/console >/dev/console 2>&1
