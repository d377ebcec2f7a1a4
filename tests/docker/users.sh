#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An engine with "userns-remap": root in a container is nobody on the host.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

matches 'name=userns' docker info --format '{{.SecurityOptions}}'
background --name remapped -v data:/data busybox sleep 600
read -r inside root count <<<"$(docker exec remapped cat /proc/self/uid_map)"
same '0 65536' "$inside $count"
[ "$root" -ge 100000 ] || wrong "root is $root on the host"
says "$root $root" stat -c '%u %g' "/proc/$(get '{{.State.Pid}}' remapped)"
says "$root $root" shell "awk '/^[UG]id/ {print \$2}' /proc/$(get '{{.State.Pid}}' remapped)/status | xargs"

# Inside all is as ever: owners, files of the engine's, devices, streams, terminals, processes.
says 'root root' docker exec remapped stat -c '%U %G' /bin/busybox
says 'root root' docker exec remapped stat -c '%U %G' /etc/hosts
says '0' docker exec remapped sh -c 'touch /made && stat -c %u /made'
says 'uid=33 gid=33 groups=33' docker exec -u 33:33 remapped id
says '33' docker exec remapped sh -c 'touch /given && chown 33 /given && stat -c %u /given'
says $'out\nerr' shell "docker exec remapped sh -c 'echo out >/dev/stdout; echo err >/dev/stderr' 2>&1"
says gone docker exec remapped sh -c 'echo x >/dev/null && echo gone'
says shared docker exec remapped sh -c 'echo shared >/dev/shm/file && cat /dev/shm/file'
matches 'terminal' "$TERMINAL" see:terminal end -- docker run --rm -it --network none busybox echo terminal
says 'sleep 600' docker exec remapped sh -c 'tr "\0" " " </proc/1/cmdline | sed "s/ $//"'
says read-only run --rm --read-only --tmpfs /tmp busybox sh -c 'touch /x 2>/dev/null || { touch /tmp/x && echo read-only; }'
says 1 run --rm --init busybox sh -c 'pidof docker-init'
says named run --rm --hostname named busybox hostname
says 4096 run --rm --sysctl net.core.somaxconn=4096 busybox cat /proc/sys/net/core/somaxconn
fails 1 'ermission denied|not permitted|ead-only' docker exec remapped sh -c 'echo 1 >/proc/sys/kernel/panic'
# What is the host's root's, and bound as it is, is nobody's in there.
mkdir -p bound && echo secret >bound/file && chmod 600 bound/file
fails 1 'ermission denied' run --rm -v "$PWD/bound:/bound" busybox cat /bound/file

# Volumes hold the container's owners: to others who share them, and on the disk.
quietly docker exec remapped sh -c 'echo kept >/data/file && chown 33:34 /data/file'
says '33 34 kept' run --rm -v data:/data busybox sh -c 'echo $(stat -c "%u %g" /data/file) $(cat /data/file)'
says '33 34 kept' run --rm --userns host -v data:/data busybox sh -c 'echo $(stat -c "%u %g" /data/file) $(cat /data/file)'

# Copies, by owner, out of a running container and into one.
says '0 33' shell "docker cp remapped:/given - | tar -t --numeric-owner -v >list; docker cp remapped:/made - | tar -tv --numeric-owner >>list; sed -n 's,^[^ ]* \([0-9]*\)/.*,\1,p' list | sort -n | xargs"
mkdir -p tree/deep && echo copied >tree/deep/file && chown -R 0:0 tree
quietly docker cp tree remapped:/tree
says 'copied 0 0' docker exec remapped sh -c 'echo $(cat /tree/deep/file) $(stat -c "%u %g" /tree/deep/file)'
says '0 0' docker exec remapped stat -c '%u %g' /tree/deep
says $'A /tree/deep/file' shell "docker diff remapped | grep deep/file"
says '0/0' shell "docker export remapped | tar -tv --numeric-owner tree/deep/file | awk '{print \$2}'"
quietly docker stop -t 0 remapped
says '0/0' shell "docker cp remapped:/tree/deep/file - | tar -tv --numeric-owner | awk '{print \$2}'"
quietly docker cp tree remapped:/tree2
quietly docker start remapped
says '0 0' docker exec remapped stat -c '%u %g' /tree2/deep/file

# Images know nothing of it.
quietly docker commit remapped kept
says '0 33' shell "echo \$(docker run --rm --network none --userns host kept stat -c %u /made /given)"
says '0 33' shell "echo \$(docker run --rm --network none kept stat -c %u /made /given)"
quietly docker rmi kept

# Networks, and their sysctls; containers that share namespaces share this one.
quietly docker network create inner
background --name server --network inner busybox httpd -f -p 80
quietly docker exec server sh -c 'mkdir -p /www && cd / && echo page >/index.html'
says page docker run --rm --network inner busybox wget -qO- http://server/index.html
says page docker run --rm --network container:server busybox wget -qO- http://127.0.0.1/index.html
says "$(docker exec server readlink /proc/self/ns/user)" docker run --rm --network container:server busybox readlink /proc/self/ns/user
matches 'httpd' docker run --rm --network none --pid container:server busybox ps
background --name donor --userns host --network inner busybox sleep 600
fails 125 'is in another user namespace' docker run --rm --network container:donor busybox true

# The host's, where somebody says so; and what goes with nothing else.
says "$(readlink /proc/self/ns/user)" docker exec donor readlink /proc/self/ns/user
says host get '{{.HostConfig.UsernsMode}}' donor
fails 125 'privileged mode is incompatible with user namespaces' run --rm --privileged busybox true
fails 125 "cannot share the host's network namespace" docker run --rm --network host busybox true
fails 125 'cannot share the host PID namespace' run --rm --pid host busybox true
says "$(readlink /proc/self/ns/user)" run --rm --userns host busybox readlink /proc/self/ns/user
[ $cgroups = no ] || quietly run --rm --privileged --userns host busybox true # natively a right may be missing
finish
