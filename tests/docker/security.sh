#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Capabilities, privileged containers, security options, devices, read-only roots, tmpfs, sysctls, user namespaces.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
status() { # KEY OPTIONS...: a line of /proc/self/status
    local key=$1
    shift
    docker run --rm --network none "$@" busybox sed -n "s/^$key:[[:space:]]*//p" /proc/self/status
}

says 00000000a80425fb status CapEff
says 00000000a80425fb status CapBnd
says 0000000000000000 status CapInh
says 0000000000000000 status CapEff --cap-drop ALL
says 0000000000002000 status CapEff --cap-drop ALL --cap-add NET_RAW
says 0000000000002000 status CapEff --cap-drop all --cap-add CAP_NET_RAW
says 00000000a80415fb status CapEff --cap-drop net_admin --cap-add net_admin --cap-drop NET_RAW --cap-drop net_admin || true
says 00000000a80405fb status CapEff --cap-drop net_raw
says 00000000a82425fb status CapEff --cap-add SYS_ADMIN
everything=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
# Who tests where the engine itself lacks some cannot have them granted.
[ "$everything" = "$(printf '%016x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))" ] && whole=yes || whole=no
if [ $whole = yes ]; then
    says "$everything" status CapEff --cap-add ALL
    says "$everything" status CapEff --privileged
    says '' run --rm --privileged busybox mount -t tmpfs none /tmp
    says 0 status Seccomp --privileged
    quietly docker run --rm --network none --privileged busybox test -c /dev/kmsg
fi
says 0000000000000000 status CapEff -u 1000
fails 125 'invalid CapAdd: unknown capability: "CAP_NOSUCH"|invalid.*NOSUCH' run --rm --cap-add NOSUCH busybox true
fails 1 '' run --rm --cap-drop CHOWN busybox chown web /tmp
fails 1 'denied|not permitted' run --rm busybox sh -c 'mount -t tmpfs none /tmp || exit 1'

says 2 status Seccomp
says 0 status Seccomp --security-opt seccomp=unconfined
echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >profile.json
fails 1 'not permitted' run --rm --security-opt seccomp=profile.json busybox mkdir /made
fails 125 'no such file' run --rm --security-opt seccomp=absent.json busybox true
echo '{' >broken.json
fails 125 'seccomp' run --rm --security-opt seccomp=broken.json busybox true
says 0 status NoNewPrivs
says 1 status NoNewPrivs --security-opt no-new-privileges
says 1 status NoNewPrivs --security-opt no-new-privileges:true
says '[no-new-privileges]' get '{{.HostConfig.SecurityOpt}}' "$(docker create --network none --security-opt no-new-privileges busybox true)"
fails 125 '[Ii]nvalid.*(security-opt|option)|unknown' run --rm --security-opt nonsense=1 busybox true

# What hides of /proc and /sys.
fails 1 'Read-only file system' run --rm busybox sh -c 'echo 1 >/proc/sys/kernel/panic'
[ ! -e /proc/kcore ] || says 0 run --rm busybox sh -c 'wc -c </proc/kcore || echo 0'
says '' run --rm busybox ls /sys/firmware
[ $cgroups = no ] || fails 1 'Read-only' run --rm busybox mkdir /sys/fs/cgroup/mine

# Devices.
quietly docker run --rm --network none --device /dev/zero:/dev/nought busybox head -c 10 /dev/nought
says '1:5' run --rm --device /dev/zero:/dev/nought busybox stat -c %t:%T /dev/nought
fails 127 'error gathering device information while adding custom device "/dev/nosuch": no such file or directory' run --rm --device /dev/nosuch busybox true
says '' run --rm busybox sh -c 'ls /dev | grep -E "^(sda|vda|kmsg|mem)$" || true'
says 'console fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero' run --rm -t busybox sh -c 'echo -n $(ls /dev | grep -v ^core$)'
if [ $cgroups = yes ]; then
    fails 1 'Operation not permitted|Permission denied' run --rm busybox sh -c 'mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg'
    fails 1 'not permitted|denied' run --rm --device /dev/kmsg:/dev/nought:m busybox head -c 1 /dev/nought
fi

# Read-only, and what is not.
fails 1 'Read-only file system' run --rm --read-only busybox touch /made
says x run --rm --read-only --tmpfs /scratch busybox sh -c 'echo x >/scratch/f; cat /scratch/f'
says '' run --rm --read-only -v /data busybox touch /data/f
says '1024 777' run --rm --tmpfs /scratch:size=1m,mode=0777 busybox sh -c "echo \$(df -k /scratch | awk 'END {print \$2}') \$(stat -c %a /scratch)"
matches 'noexec' run --rm --tmpfs /scratch busybox grep ' /scratch ' /proc/mounts
lacks 'noexec' run --rm --tmpfs /scratch:exec busybox grep ' /scratch ' /proc/mounts
fails 125 'tmpfs' run --rm --tmpfs /scratch:nonsense=1 busybox true

# sysctls of the container's own namespaces alone.
says 99 run --rm --sysctl net.core.somaxconn=99 busybox cat /proc/sys/net/core/somaxconn
says 4096 run --rm --sysctl kernel.msgmax=4096 busybox cat /proc/sys/kernel/msgmax
fails 125 'kernel.panic' run --rm --sysctl kernel.panic=1 busybox true
fails 125 'sysctl' docker run --rm --network host --sysctl net.core.somaxconn=99 busybox true

# User namespaces: the host's is what containers have; others are refused.
says "$(readlink /proc/self/ns/user)" run --rm --userns host busybox readlink /proc/self/ns/user
fails 125 'userns|user namespace' run --rm --userns nonsense busybox true
fails 125 'gpu|device' run --rm --gpus all busybox true
finish
