#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Namespaces of the host and of other containers: the very same, by their inode.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
inside() { docker exec "$1" readlink "/proc/self/ns/$2"; }
host() { readlink "/proc/${3:-1}/ns/$2"; }

background --name first --ipc shareable busybox sleep 600
for kind in net pid ipc uts mnt cgroup; do
    [ "$kind" = cgroup ] && [ $cgroups = no ] && continue
    [ "$(inside first $kind)" != "$(readlink /proc/self/ns/$kind)" ] || wrong "the container has the host's $kind namespace"
done
background --name second --net container:first busybox sleep 600
says "$(inside first net)" inside second net
says "container:$(get '{{.Id}}' first)" get '{{.HostConfig.NetworkMode}}' second
[ "$(inside first pid)" != "$(inside second pid)" ] || wrong 'pid namespaces are shared unasked'
says "$(docker exec first hostname)" docker exec second hostname
background --name third --pid container:first busybox sleep 601
says "$(inside first pid)" inside third pid
matches 'sleep 601' docker exec first ps
background --name fourth --ipc container:first busybox sleep 600
says "$(inside first ipc)" inside fourth ipc
quietly docker exec first sh -c 'echo shared >/dev/shm/file'
says shared docker exec fourth cat /dev/shm/file
background --name hosted --net host busybox sleep 600
says "$(readlink /proc/self/ns/net)" inside hosted net
says "$(hostname)" docker exec hosted hostname
background --name hostpid --pid host busybox sleep 600
says "$(readlink /proc/self/ns/pid)" inside hostpid pid
if [ -d /dev/mqueue ]; then # build roots have none
    background --name hostipc --ipc host busybox sleep 600
    says "$(readlink /proc/self/ns/ipc)" inside hostipc ipc
fi
background --name hostuts --uts host busybox sleep 600
says "$(readlink /proc/self/ns/uts)" inside hostuts uts
says 'host' get '{{.HostConfig.UTSMode}}' hostuts
fails 125 'conflicting options' run --rm --net container:first -h name busybox true
fails 125 'No such container' docker run --rm --net container:nobody busybox true
fails 125 'conflicting options|Conflicting options' docker run --rm --net container:first -p 80:80 busybox true
background --name private --ipc private busybox sleep 600
fails 125 'non-shareable IPC|IPC' docker run --rm --network none --ipc container:private busybox true
says '65536' run --rm --shm-size 64m busybox sh -c "df -k /dev/shm | awk 'END {print \$2}'"
says '1024' run --rm --shm-size 1m busybox sh -c "df -k /dev/shm | awk 'END {print \$2}'"
quietly docker stop -t 0 first
fails 1 'cannot join network of a non running container' shell 'docker stop -t 0 second >/dev/null; docker start second'
if [ $cgroups = yes ]; then
    says "$(readlink /proc/self/ns/cgroup)" run --rm --cgroupns host busybox readlink /proc/self/ns/cgroup
    says '0::/' run --rm busybox cat /proc/self/cgroup
fi
finish
