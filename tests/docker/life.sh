#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's life: stop, start, restart, kill, pause, wait, rename, update, top, stats, rm, attach.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

# stop: SIGTERM, then SIGKILL after the time.
background --name polite busybox sh -c 'trap "echo leaving; exit 5" TERM; echo ready; while :; do sleep 0.1; done'
becomes ready docker logs polite
says polite docker stop polite
says 'exited 5 false' get '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}' polite
says $'ready\nleaving' docker logs polite
says polite docker stop polite # once more is no error
background --name stubborn busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
becomes ready docker logs stubborn
says stubborn docker stop -t 1 stubborn
says 137 get '{{.State.ExitCode}}' stubborn
background --name asked --stop-signal USR2 busybox sh -c 'trap "exit 12" USR2; echo ready; while :; do sleep 0.1; done'
becomes ready docker logs asked
quietly docker stop asked
says 12 get '{{.State.ExitCode}}' asked
quietly docker start asked
becomes yes shell "[ \$(docker logs asked | wc -l) = 2 ] && echo yes"
quietly docker stop -s KILL asked
says 137 get '{{.State.ExitCode}}' asked
fails 1 'No such container: nobody' docker stop nobody

# start again: the same options, file system and volumes.
quietly docker create --name again --network none -e WORD=kept -v shelf:/shelf -h host busybox \
    sh -c 'echo $WORD $(hostname); echo x >>/count; echo x >>/shelf/count; wc -l </count; wc -l </shelf/count'
says $'kept host\n1\n1' docker start -a again
says $'kept host\n2\n2' docker start -a again
says again docker start again
becomes exited get '{{.State.Status}}' again
fails 1 'No such container' docker start nobody
background --name runs busybox sleep 600
says runs docker start runs # runs already
pid=$(get '{{.State.Pid}}' runs)
says runs docker restart -t 1 runs
[ "$pid" != "$(get '{{.State.Pid}}' runs)" ] || wrong 'restart left the process as it was'
says running get '{{.State.Status}}' runs
fails 7 '' docker start -a "$(docker create --network none busybox sh -c 'exit 7')"
says through shell 'docker create --name reads -i --network none busybox cat >/dev/null; echo through | docker start -ai reads'

# kill.
background --name target busybox sh -c 'trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'
becomes ready docker logs target
says target docker kill -s HUP target
becomes $'ready\nhup' docker logs target
says running get '{{.State.Status}}' target
quietly docker kill --signal 1 target
quietly docker kill -s SIGHUP target
fails 1 'Invalid signal|invalid signal' docker kill -s NOSUCH target
says target docker kill target
becomes 'exited 137' get '{{.State.Status}} {{.State.ExitCode}}' target
fails 1 'is not running' docker kill target

# pause.
if [ $cgroups = yes ]; then
    says runs docker pause runs
    says 'paused true true' get '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' runs
    fails 1 'is already paused' docker pause runs
    fails 1 'is paused, unpause the container before exec' docker exec runs true
    says 1 cgroup_file runs cgroup.freeze
    says runs docker unpause runs
    fails 1 'is not paused' docker unpause runs
    says 0 cgroup_file runs cgroup.freeze
    quietly docker pause runs
    says runs docker stop -t 1 runs
    says exited get '{{.State.Status}}' runs
    quietly docker start runs
fi

# wait.
says 3 shell "docker wait \$(docker run -d --network none busybox sh -c 'sleep 0.5; exit 3')"
says 3 docker wait "$(docker ps -alq)"
fails 1 'No such container' docker wait nobody

# rename.
says '' docker rename runs walks
says /walks get '{{.Name}}' walks
fails 1 'No such' docker inspect runs
fails 1 'is already in use' docker rename walks target
fails 1 'Invalid container name' docker rename walks 'a b'
says '' docker rename walks runs

# update.
says runs docker update --restart on-failure:4 runs
says 'on-failure 4' get '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' runs
if [ $cgroups = yes ]; then
    says runs docker update --cpu-shares 512 --memory 64m --memory-swap 64m --pids-limit 30 --cpus 0.5 runs
    says 67108864 cgroup_file runs memory.max
    says 30 cgroup_file runs pids.max
    says '50000 100000' cgroup_file runs cpu.max
    says '67108864 30 512' get '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}' runs
    fails 1 'Minimum memory limit' docker update --memory 1m runs
    quietly docker restart -t 1 runs
    says 67108864 cgroup_file runs memory.max
fi

# top.
matches 'PID.*CMD|PID.*COMMAND' docker top runs
matches 'sleep 600' docker top runs
matches '^PID +COMMAND|^PID +CMD|^ *PID' docker top runs -o pid,args
fails 1 'is not running' docker top target

# stats.
if [ $cgroups = yes ]; then
    matches '^runs [0-9.]+% [0-9.]+(KiB|MiB) / 64MiB 1$' docker stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' runs
    matches 'CONTAINER ID +NAME +CPU % +MEM USAGE' docker stats --no-stream
    matches '^target 0.00%' docker stats --no-stream --format '{{.Name}} {{.CPUPerc}}' target
fi

# diff, export, commit.
background --name changes busybox sh -c 'echo x >/added; rm /etc/group; echo y >>/etc/passwd; mkdir /tmp/d; sleep 600'
becomes $'A /added\nA /tmp/d\nC /etc\nC /etc/passwd\nC /tmp\nD /etc/group' shell 'docker diff changes | LC_ALL=C sort'
matches 'added' shell 'docker export changes | tar -t'
lacks 'etc/group' shell 'docker export changes | tar -t'
quietly docker export -o exported.tar changes
says x shell 'tar -xOf exported.tar added'
matches '^sha256:[0-9a-f]{64}$' docker commit -a somebody -m message -c 'CMD ["cat", "/added"]' -c 'ENV NEW=1' -c 'LABEL l=m' changes committed:1
says x run --rm committed:1
says 'somebody message map[l:m]' get '{{.Author}} {{.Comment}} {{.Config.Labels}}' committed:1
matches 'NEW=1' run --rm committed:1 env
quietly docker rmi committed:1
fails 1 'No such container' docker commit nobody

# rm.
fails 1 'cannot remove container "/?runs": container is running: stop the container before removing or force remove|You cannot remove a running container' docker rm runs
says runs docker rm -f runs
fails 1 'No such container: runs' docker rm runs
says '' docker rm -f runs 2>/dev/null || true
background --name holds -v /data -v named:/named busybox sleep 600
says 2 shell "docker volume ls -q | grep -vc shelf"
says holds docker rm -fv holds
says named shell 'docker volume ls -q | grep -v shelf'

# attach: Ctrl-C reaches process 1, the detach keys leave it running.
quietly docker run -dit --name shell --network none busybox sh
fails 1 'read escape sequence' "$TERMINAL" 'type:echo he""re\r' 'see:here' 'type:\x10\x11' end -- docker attach shell
says true get '{{.State.Running}}' shell
fails 1 'read escape sequence' "$TERMINAL" 'type:echo the""re\r' 'see:there' 'type:\x01x' end -- docker attach --detach-keys ctrl-a,x shell
says true get '{{.State.Running}}' shell
fails 4 '' "$TERMINAL" 'type:\r' 'see:#' 'type:exit 4\r' end -- docker attach shell
becomes exited get '{{.State.Status}}' shell
quietly docker run -dit --name interrupted --network none busybox sh -c 'trap "echo caught; exit 2" INT; while :; do echo tick; sleep 0.2; done'
fails 2 'caught' "$TERMINAL" 'see:tick' 'type:\x03' end -- docker attach interrupted
fails 1 'cannot attach to a stopped container' docker attach --no-stdin interrupted
# Several at once see the same.
quietly docker run -di --name many --network none busybox cat
docker attach --no-stdin many >one &
docker attach --no-stdin many >two &
sleep 1
(echo word; sleep 2) | timeout 10 docker attach --sig-proxy=false many >three &
becomes word cat one
becomes word cat two
becomes word cat three
quietly docker kill many
wait
finish
