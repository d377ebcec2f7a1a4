#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker run: foreground and background, names, environment, users, programs.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

# Foreground, output and status.
says hello run --rm busybox echo hello
fails 7 '' run --rm busybox sh -c 'exit 7'
says '' shell 'docker run --rm --network none busybox sh -c "echo aside >&2" 2>/dev/null'
says through shell 'echo through | docker run -i --rm --network none busybox cat'

# Programs that are not there, or are none.
fails 127 'executable file not found in \$PATH' run --rm busybox nosuch
fails 127 'no such file or directory' run --rm busybox /no/such
fails 126 'permission denied' run --rm busybox /etc/passwd
fails 126 '' run --rm busybox /etc
fails 125 'No such image|Unable to find image' docker run --pull never --rm absent-image true
fails 125 'unknown flag' docker run --no-such-flag busybox
says '' docker ps -aq

# -d prints the whole id; a container without a name gets one of two words.
id=$(docker run -d --network none busybox sleep 600)
same 64 "${#id}"
matches '^/[a-z]+_[a-z]+[0-9]?$' get '{{.Name}}' "$id"
says "$id" get '{{.Id}}' "${id:0:12}"
says "$id" get '{{.Id}}' "${id:0:5}"
fails 1 'No such (object|container)' docker inspect "${id:0:11}x"

# Names.
background --name taken busybox sleep 600
fails 125 'Conflict\. The container name "/taken" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container' run --name taken busybox true
fails 125 'Invalid container name' run --name 'no/slash' busybox true
fails 125 'Invalid container name' run --name x busybox true
says taken docker rm -f taken
says again run --rm --name taken busybox echo again

# A terminal.
matches '^/dev/(pts/0|console)' "$TERMINAL" end -- docker run --rm -it --network none busybox tty
matches '40 100' "$TERMINAL" size:40x100 end -- docker run --rm -it --network none busybox sh -c 'until stty size | grep -q ^40; do sleep 0.2; done; stty size'
matches 'sum 42' "$TERMINAL" 'see:# ' 'type:echo sum $((40+2))\r' 'see:sum 42' 'type:exit\r' end -- \
    docker run --rm -it --network none busybox sh
fails 5 '' "$TERMINAL" 'see:# ' 'type:exit 5\r' end -- docker run --rm -it --network none busybox sh
# Ctrl-C reaches the program.
fails 130 '' "$TERMINAL" 'see:ready' 'type:\x03' end -- \
    docker run --rm -it --network none busybox sh -c 'trap "exit 130" INT; echo ready; while :; do sleep 0.1; done'
# The terminal's new size is the container's, once the client looks for one, which is a little after the prompt.
matches '11 77' "$TERMINAL" 'see:# ' 'type:until stty size | grep -q ^11; do echo not$((40+2)); sleep 0.2; done; stty size\r' 'see:not42' 'size:10x77' 'see:not42' 'size:11x77' 'see:11 77' 'type:exit\r' end -- \
    docker run --rm -it --network none busybox sh
fails 1 'the input device is not a TTY' run --rm -it busybox true
# Ctrl-C without a terminal: the client passes the signal on.
docker run --rm --network none --name signalled busybox sh -c 'trap "exit 33" INT; echo ready; while :; do sleep 0.1; done' >ready &
becomes ready cat ready
kill -INT $!
wait $!
same 33 $?

# --rm takes the container and its anonymous volumes along.
quietly docker run --rm --network none -v /anonymous busybox true
says '' docker volume ls -q
fails 3 '' run --rm --name gone busybox sh -c 'exit 3'
fails 1 'No such' docker inspect gone

# Environment.
says two run --rm -e A=two busybox sh -c 'echo $A'
says "$HOME" run --rm -e HOME busybox sh -c 'echo $HOME'
printf '# a comment\nA=from file\nEMPTY=\nHOME\n' >variables
says "from file, , $HOME" run --rm --env-file variables busybox sh -c 'echo "$A, $EMPTY, $HOME"'
fails 125 'no such file' run --rm --env-file absent busybox true
says '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' run --rm busybox sh -c 'echo $PATH'
says /root run --rm busybox sh -c 'echo $HOME'
says xterm run --rm -t busybox sh -c 'printf $TERM'
says '' run --rm -e PATH= busybox /bin/sh -c 'echo $PATH'

# Host name, working directory, user, entry point.
says 'named named' run --rm -h named busybox sh -c 'echo $(hostname) $(cat /etc/hostname)'
says "${id:0:12}" docker exec "$id" hostname
says named.example run --rm --hostname named --domainname example busybox sh -c 'cat /proc/sys/kernel/hostname | tr "\n" . ; cat /proc/sys/kernel/domainname'
says /tmp run --rm -w /tmp busybox pwd
says /made/for/it run --rm -w /made/for/it busybox pwd
fails 125 'working directory .* is invalid|needs to be an absolute path' run --rm -w relative busybox pwd
says '1000 1000' run --rm -u web busybox sh -c 'echo $(id -u) $(id -g)'
says '7 8' run --rm -u 7:8 busybox sh -c 'echo $(id -u) $(id -g)'
says '0 65534' run --rm -u root:nogroup busybox sh -c 'echo $(id -u) $(id -g)'
says '1000 1000 8 65534' run --rm -u web --group-add 8 --group-add nogroup busybox sh -c 'echo $(id -u) $(id -G)'
fails 125 'no matching entries in passwd file|unable to find user' run --rm -u nobodyknows busybox true
says 'entry point' run --rm --entrypoint echo busybox entry point
quietly docker create --name cleared --network none --entrypoint '' busybox sh -c echo
says '[sh -c echo] []' get '{{.Config.Cmd}} {{.Config.Entrypoint}}' cleared

# --init: process 1 is not the program, and takes in what others leave behind.
says 'sh' shell 'docker run --rm --network none busybox cat /proc/1/comm | sed s/cat/sh/'
matches 'init' run --rm --init busybox cat /proc/1/comm
says true get '{{.HostConfig.Init}}' "$(docker create --init --network none busybox true)"
fails 9 '' run --rm --init busybox sh -c 'exit 9'
says '' run --rm --init busybox sh -c '(sleep 0.1 &) ; sleep 1; ps -o stat | grep Z; true'

# Labels, of the command line, of files and of the image.
printf 'from.file=yes\n' >labels
quietly docker create --name labelled --network none --label a=b -l c --label-file labels busybox true
says '{"a":"b","c":"","from.file":"yes"}' get '{{json .Config.Labels}}' labelled

# --restart.
background --name always --restart always busybox sh -c 'sleep 0.2'
becomes yes shell "[ \$(docker inspect -f '{{.RestartCount}}' always) -ge 2 ] && echo yes"
quietly docker stop -t 1 always
sleep 1
says exited get '{{.State.Status}}' always
background --name thrice --restart on-failure:2 busybox sh -c 'exit 4'
becomes '2 exited 4' get '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' thrice
background --name well --restart on-failure busybox true
becomes '0 exited' get '{{.RestartCount}} {{.State.Status}}' well
fails 125 'sometimes' run --restart sometimes busybox true
fails 125 'maximum retry count' run --restart always:3 busybox true
fails 125 '[Cc]onflicting options' run --rm --restart always busybox true

# --health-cmd.
background --name healthy --health-cmd 'test -e /tmp/well' --health-interval 300ms --health-retries 2 busybox sleep 600
becomes unhealthy get '{{.State.Health.Status}}' healthy
matches 'Up .* \(unhealthy\)' docker ps --filter name=healthy --format '{{.Status}}'
quietly docker exec healthy touch /tmp/well
becomes healthy get '{{.State.Health.Status}}' healthy
matches 'Up .* \(healthy\)' docker ps --filter health=healthy --format '{{.Status}}'
background --name nocheck --no-healthcheck busybox sleep 600
says '<nil>' get '{{.State.Health}}' nocheck

# --cidfile, --sig-proxy, --stop-signal, --pull.
says made run --rm --cidfile cid busybox echo made
same 64 "$(wc -c <cid)"
fails 125 'container ID file found' run --rm --cidfile cid busybox true
quietly docker create --name signal --stop-signal USR1 --stop-timeout 3 --network none busybox true
says 'USR1 3' get '{{.Config.StopSignal}} {{.Config.StopTimeout}}' signal
says kept run --rm --pull missing busybox echo kept
fails 1 'Invalid signal' docker create --stop-signal NOSUCH --network none busybox true
finish
