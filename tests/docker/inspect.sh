#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# inspect, info, version, system df, system prune.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
background --name box -l a=b -p 8080:80 busybox sleep 600 2>/dev/null || true
docker rm -f box >/dev/null 2>&1
background --name box -l a=b -e A=B -v vol:/vol:ro busybox sleep 600

matches '^[1-9][0-9]*$' get '{{.State.Pid}}' box
says sleep shell "cat /proc/\$(docker inspect -f '{{.State.Pid}}' box)/comm"
says '' get '{{.NetworkSettings.IPAddress}}' box
says none get '{{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}' box
says '/box busybox [sleep 600] none' get '{{.Name}} {{.Config.Image}} {{.Config.Cmd}} {{.HostConfig.NetworkMode}}' box
says 'sleep [600]' get '{{.Path}} {{.Args}}' box
says "$(docker images -q --no-trunc busybox)" get '{{.Image}}' box
says '[vol:/vol:ro]' get '{{.HostConfig.Binds}}' box
says 'volume vol /vol false' get '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}}{{end}}' box
says 'overlay2 linux json-file' get '{{.Driver}} {{.Platform}} {{.HostConfig.LogConfig.Type}}' box
matches '^20[0-9-]+T[0-9:.]+Z 20[0-9-]+T[0-9:.]+Z 0001-01-01T00:00:00Z$' get '{{.Created}} {{.State.StartedAt}} {{.State.FinishedAt}}' box
says 'no 0' get '{{.HostConfig.RestartPolicy.Name}} {{.RestartCount}}' box
matches '^[1-9][0-9]*$' docker inspect -s -f '{{.SizeRootFs}}' box
matches '"Id": "[0-9a-f]{64}"' docker inspect box
# One word, several kinds of things.
says 'volume' shell "docker inspect vol | grep -q '\"Mountpoint\"' && echo volume"
says image shell "docker inspect --type image busybox | grep -q RootFS && echo image"
fails 1 'No such (image|object)' docker inspect --type image box
says $'/box\n[busybox:latest]' shell "docker inspect -f '{{.Name}}' box; docker inspect -f '{{.RepoTags}}' busybox"
says $'none\nhost' shell "docker network inspect -f '{{.Name}}' none host"
fails 64 'template' docker inspect -f '{{.Nonsense' box

# info and version.
says "linux overlay2 1 1" docker info --format '{{.OSType}} {{.Driver}} {{.Containers}} {{.ContainersRunning}}'
matches 'Server Version: ' docker info
matches 'Storage Driver: overlay2' docker info
matches 'Logging Driver: json-file' docker info
matches 'Log: .*journald.*json-file.*local.*none.*syslog' docker info
matches 'Network: bridge host null' docker info
matches 'Cgroup Version: 2' docker info
matches 'Security Options:' docker info
matches 'seccomp' docker info
matches "Kernel Version: $(uname -r | sed 's/[+.]/\\&/g')" docker info
matches 'Docker Root Dir: /' docker info
matches 'Live Restore Enabled: true' docker info
says "$(nproc)" docker info --format '{{.NCPU}}'
says "$(uname -m)" docker info --format '{{.Architecture}}'
lacks 'WARNING: (No|bridge)' docker info
matches 'API version: +1.45 \(minimum version 1.24\)' docker version
says "linux/amd64" docker version --format '{{.Server.Os}}/{{.Server.Arch}}'
says 1.45 docker version --format '{{.Server.APIVersion}}'
says 1.30 shell "DOCKER_API_VERSION=1.30 docker version --format '{{.Client.APIVersion}}'"
says box shell "DOCKER_API_VERSION=1.24 docker ps --format '{{.Names}}'"
fails 1 'too old' shell 'DOCKER_API_VERSION=1.12 docker ps'
fails 1 'too new' shell 'DOCKER_API_VERSION=1.99 docker ps'

# system df.
matches '^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE' docker system df
matches 'Images +[1-9]' docker system df
matches 'Containers +1 +1' docker system df
matches 'Local Volumes +1 +1' docker system df
matches 'Build Cache +0' docker system df
matches 'box' docker system df -v
matches 'vol +1' docker system df -v

# system prune: what runs, and what it uses, stays.
quietly docker create --name unused --network none busybox true
quietly docker volume create spare
quietly docker run --rm --network none -v unnamed:/u busybox true
docker commit box >/dev/null # an image without a name
matches 'Deleted Containers:.*Total reclaimed space' shell 'docker system prune -f | tr "\n" " "'
says box docker ps -a --format '{{.Names}}'
says '' docker images -f dangling=true -q
says $'spare\nunnamed\nvol' docker volume ls -q
matches 'Total reclaimed space' docker volume prune -f
says $'spare\nunnamed\nvol' docker volume ls -q # names given by somebody stay
quietly docker volume prune -af
says vol docker volume ls -q
quietly docker create --name old --network none --label keep=1 busybox true
matches 'Total reclaimed space: 0B' docker container prune -f --filter label!=keep
matches '[0-9a-f]{64}' docker container prune -f --filter label=keep=1
quietly docker container prune -f --filter until=1h
quietly docker network prune -f
finish
