#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker ps: what it lists, filters, formats, and the texts of STATUS.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

background --name first -l role=web busybox sleep 600
docker run --name second --network none -l role=job -l tier=low busybox sh -c 'exit 3' >/dev/null 2>&1
quietly docker create --name third --network none busybox true

matches '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES' docker ps
matches '[0-9a-f]{12} +busybox +"sleep 600" +[A-Za-z0-9 ]+ ago +Up [A-Za-z0-9 ]+ +first' docker ps
says first docker ps --format '{{.Names}}'
says $'third\nsecond\nfirst' docker ps -a --format '{{.Names}}'
says "$(get '{{.Id}}' first)" docker ps -q --no-trunc
says 3 shell 'docker ps -aq | wc -l'
says third docker ps -l --format '{{.Names}}'
says $'third\nsecond' docker ps -n 2 --format '{{.Names}}'

# STATUS.
matches '^Up (Less than a second|1 second|[0-9]+ seconds|About a minute)$' docker ps --format '{{.Status}}'
matches '^Exited \(3\) (Less than a second|1 second|[0-9]+ seconds|About a minute) ago$' docker ps -a -f name=second --format '{{.Status}}'
says Created docker ps -a -f name=third --format '{{.Status}}'
if [ $cgroups = yes ]; then
    quietly docker pause first
    matches '^Up .* \(Paused\)$' docker ps --format '{{.Status}}'
    quietly docker unpause first
fi

# Filters.
says second docker ps -a -f exited=3 --format '{{.Names}}'
says '' docker ps -a -f exited=4 -q
says first docker ps -a -f status=running --format '{{.Names}}'
says $'third\nsecond' docker ps -f status=created -f status=exited --format '{{.Names}}'
fails 1 "invalid filter 'status=nonsense'" docker ps -f status=nonsense
fails 1 "invalid filter 'nonsense'" docker ps -f nonsense=1
says $'second\nfirst' docker ps -a -f label=role --format '{{.Names}}'
says second docker ps -a -f label=role=job -f label=tier=low --format '{{.Names}}'
says '' docker ps -a -f label=role=web -f label=tier=low -q
says first docker ps -a -f before=second --format '{{.Names}}'
says third docker ps -a -f since=second --format '{{.Names}}'
says $'third\nsecond\nfirst' docker ps -a -f ancestor=busybox --format '{{.Names}}'
says '' docker ps -a -f ancestor=other -q
says $'third\nsecond\nfirst' docker ps -a -f network=none --format '{{.Names}}'
says second docker ps -a -f id="$(get '{{.Id}}' second)" --format '{{.Names}}'
# The name is a regular expression, and may begin with the slash that names have inside.
says second docker ps -a -f name=econ --format '{{.Names}}'
says $'third\nfirst' docker ps -a -f 'name=^(first|third)$' --format '{{.Names}}'
says first docker ps -a -f 'name=^/f.*t$' --format '{{.Names}}'
says $'third\nfirst' docker ps -a -f name=ir --format '{{.Names}}'
says $'second\nfirst' docker ps -a -f name=first -f name=second --format '{{.Names}}'
fails 1 'name' docker ps -a -f 'name=('

# Formats.
says 'busybox|"sleep 600"|none|role=web|running|0B (virtual 0B)' shell \
    "docker ps -s --format '{{.Image}}|{{.Command}}|{{.Networks}}|{{.Labels}}|{{.State}}|{{.Size}}' | sed -E 's/virtual [0-9.]+[kMG]?B/virtual 0B/; s/\|[0-9.]+k?B \(/|0B (/'"
matches '^table' shell "echo table; docker ps --format 'table {{.ID}}\t{{.Names}}'"
matches '"Names":"first"' docker ps --format json

# A long command is cut in the table, whole with --no-trunc.
background --name long busybox sh -c 'sleep 600; echo a long command indeed'
matches '"sh -c .sleep 600; e…"' docker ps
matches 'a long command indeed' docker ps --no-trunc

# The image that a container came from, once its name is gone or another's.
docker tag busybox renamed:1
background --name of-renamed renamed:1 sleep 600
says renamed:1 docker ps -f name=of-renamed --format '{{.Image}}'
quietly docker rmi renamed:1
matches '^[0-9a-f]{12}$' docker ps -f name=of-renamed --format '{{.Image}}'
finish
