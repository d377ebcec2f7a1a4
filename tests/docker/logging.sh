#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Log drivers.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
speak='for i in $(seq 1 400); do echo "line $i of what this program has to say about the matter"; done'

# json-file rotates, and docker logs reads over the files.
quietly docker run --name rotated --network none --log-opt max-size=8k --log-opt max-file=3 busybox sh -c "$speak"
log=$(get '{{.LogPath}}' rotated)
says 3 shell "ls $log* | wc -l"
says '' shell "find ${log%/*} -size +12k"
says 'line 400 of what this program has to say about the matter' docker logs --tail 1 rotated
says 'line 399 of what this program has to say about the matter' shell "docker logs rotated | tail -n 2 | head -n 1"
lacks '^line 1 of' docker logs rotated
matches '^\{"log":"line [0-9]+ of what .*\\n","stream":"stdout","time":"20' tail -n 1 "$log"
says 'map[max-file:3 max-size:8k]' get '{{.HostConfig.LogConfig.Config}}' rotated
quietly docker run --name labelled --network none --label who=me -e WHERE=here --log-opt labels=who --log-opt env=WHERE --log-opt tag='{{.Name}}' busybox echo x
matches '"attrs":\{.*"who":"me"' cat "$(get '{{.LogPath}}' labelled)"
matches 'who=me' docker logs --details labelled

# local.
quietly docker run --name local --network none --log-driver local busybox sh -c 'echo out; echo err >&2'
says out shell 'docker logs local 2>/dev/null'
says err shell 'docker logs local 2>&1 >/dev/null'
quietly docker run --name many --network none --log-driver local --log-opt max-size=8k --log-opt max-file=2 busybox sh -c "$speak"
says 'line 400 of what this program has to say about the matter' docker logs -n 1 many

# none keeps nothing, and says so.
says shown run --name unlogged --log-driver none busybox echo shown
fails 1 'configured logging driver does not support reading' docker logs unlogged

# syslog, to a socket.
"$TERMINAL" datagrams:"$PWD/syslog" >received 2>&1 &
receiver=$!
becomes yes shell '[ -S syslog ] && echo yes'
quietly docker run --name sys --network none --log-driver syslog --log-opt "syslog-address=unixgram://$PWD/syslog" --log-opt syslog-facility=daemon --log-opt tag=mytag busybox sh -c 'echo to syslog; echo aside >&2'
becomes yes shell 'grep -q "<30>.*mytag.*to syslog" received && grep -q "<27>.*mytag.*aside" received && echo yes'
kill "$receiver"
fails 1 'configured logging driver does not support reading' docker logs sys
long=/$(printf 'x%.0s' $(seq 120))
fails 125 'too long' run --rm --log-driver syslog --log-opt "syslog-address=unix://$long" busybox true
fails 125 'tcp\+tls' run --rm --log-driver syslog --log-opt syslog-address=tcp+tls://127.0.0.1:1 busybox true

# Wrong options.
fails 125 'nonsense' run --rm --log-driver nonsense busybox true
fails 125 "unknown log opt 'nonsense'" run --rm --log-opt nonsense=1 busybox true
fails 125 "invalid size: 'much'" run --rm --log-opt max-size=much busybox true
fails 125 'max-file' run --rm --log-opt max-size=1m --log-opt max-file=0 busybox true
finish
