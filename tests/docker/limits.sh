#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits, in the container's cgroup and in its processes; and what happens to a program that exceeds them.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
if [ $cgroups = yes ]; then
    background --name limited --memory=100m --memory-swap=100m --memory-reservation 50m --cpus 0.5 --cpu-shares 512 \
        --cpuset-cpus 0 --pids-limit 50 busybox sleep 600
    says 104857600 cgroup_file limited memory.max
    says 0 cgroup_file limited memory.swap.max
    says 52428800 cgroup_file limited memory.low
    says '50000 100000' cgroup_file limited cpu.max
    says 59 cgroup_file limited cpu.weight
    says 0 cgroup_file limited cpuset.cpus
    says 50 cgroup_file limited pids.max
    says '104857600 500000000 512 0 50' get \
        '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}} {{.HostConfig.PidsLimit}}' limited
    says 104857600 docker exec limited cat /sys/fs/cgroup/memory.max
    says 52428800 shell "docker run -d --name swap --network none -m 50m --memory-swap 100m busybox sleep 600 >/dev/null; cat /sys/fs/cgroup\$(sed -n 's/^0:://p' /proc/\$(docker inspect -f '{{.State.Pid}}' swap)/cgroup)/memory.swap.max"
    background --name quota --cpu-period 50000 --cpu-quota 25000 busybox sleep 600
    says '25000 50000' cgroup_file quota cpu.max

    # More than it may have: killed, 137, told.
    since=$(date +%s)
    fails 137 '' docker run --name hog --network none -m 16m --memory-swap 16m busybox sh -c 'head -c 64m /dev/zero | tail'
    says 'true 137' get '{{.State.OOMKilled}} {{.State.ExitCode}}' hog
    matches 'Exited \(137\)' docker ps -a -f name=hog --format '{{.Status}}'
    says oom docker events --since "$since" --until "$(date +%s.%N)" --filter container=hog --filter event=oom --format '{{.Action}}'
    # A child is killed, the program goes on.
    says 'alive' run --name survivor -m 16m --memory-swap 16m busybox sh -c '(head -c 64m /dev/zero | tail) >/dev/null 2>&1; echo alive'

    # No more processes than allowed.
    matches "can't fork|Resource temporarily unavailable" run --rm --pids-limit 5 busybox \
        sh -c '(for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait) 2>&1; true'

    # Where its cgroup is.
    background --name placed --cgroup-parent special.slice busybox sleep 600
    matches '/special.slice/' shell "cat /proc/\$(docker inspect -f '{{.State.Pid}}' placed)/cgroup"
    says special.slice get '{{.HostConfig.CgroupParent}}' placed
    fails 125 'slice' run --cgroup-parent not/a/slice busybox true
    fails 125 'Minimum memory limit allowed is 6MB' run --memory 1m busybox true
    fails 125 'Minimum memoryswap limit should be larger than memory limit' run --memory 100m --memory-swap 50m busybox true
    fails 125 'cpus|CPUs' run --cpus 1000 busybox true
    fails 125 'cpuset|CPUs' run --cpuset-cpus 900 busybox true
    matches 'Your kernel does not support|^$' shell 'docker run --rm --network none --oom-kill-disable busybox true 2>&1'
    says 700 run --rm --oom-score-adj 700 busybox cat /proc/self/oom_score_adj
fi

# ulimits.
says '100 200' run --rm --ulimit nofile=100:200 busybox sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
says '0' run --rm --ulimit core=0 busybox sh -c 'ulimit -c'
says '[nofile=100:200]' get '{{.HostConfig.Ulimits}}' "$(docker create --network none --ulimit nofile=100:200 busybox true)"
fails 125 'invalid (ulimit|argument)' docker run --ulimit nosuch=1 busybox true
fails 125 'soft limit must be less than or equal to hard limit' docker run --ulimit nofile=200:100 busybox true
finish
