#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Volumes, bind mounts and tmpfs.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
here=$PWD

says shelf docker volume create shelf
says shelf docker volume create shelf # the one that is there
matches '^[0-9a-f]{64}$' docker volume create
says '{"a":"b"}' shell "docker volume create --label a=b labelled >/dev/null; docker volume inspect -f '{{json .Labels}}' labelled"
says 'local local' docker volume inspect -f '{{.Driver}} {{.Scope}}' shelf
says labelled docker volume ls -q -f label=a=b
says shelf docker volume ls -q -f name=she
matches 'DRIVER +VOLUME NAME' docker volume ls
fails 1 'no such volume|No such volume' docker volume inspect absent
fails 1 'no such volume' docker volume rm absent
fails 1 'includes invalid characters' docker volume create 'a/b'
fails 1 'driver|plugin' docker volume create -d nosuch other

# A named volume is made by run, shared, and survives.
quietly docker run --rm --network none -v made:/data busybox sh -c 'echo first >/data/file'
says first run --rm -v made:/elsewhere:ro busybox cat /elsewhere/file
fails 1 'Read-only' run --rm -v made:/data:ro busybox touch /data/file
background --name one -v made:/data busybox sleep 600
background --name two -v made:/data busybox sleep 600
quietly docker exec one sh -c 'echo both >/data/file'
says both docker exec two cat /data/file
says $'one\ntwo' shell 'docker ps --filter volume=made --format "{{.Names}}" | sort'
fails 1 'volume is in use - \[[0-9a-f, ]+\]' docker volume rm made
quietly docker rm -f two
quietly docker stop -t 0 one
fails 1 'volume is in use' docker volume rm made # a stopped one has it, too
quietly docker rm one
says made docker volume rm made
says "$(docker volume ls -qf dangling=true | sort)" shell 'docker volume ls -q | sort'

# What the image has there is copied into a new volume; not with nocopy, not into one that has something.
says passwd shell 'docker run --rm --network none -v copied:/etc busybox ls /etc | grep passwd'
says 'group passwd' shell 'docker run --rm --network none -v copied:/look busybox ls /look | grep -E "^(group|passwd)$" | tr "\n" " " | sed "s/ $//"'
says '' shell 'docker run --rm --network none -v empty:/etc:nocopy busybox true; docker run --rm --network none -v empty:/look busybox ls /look'
says 1777 shell 'docker run --rm --network none -v mode:/tmp busybox true; docker run --rm --network none -v mode:/look busybox stat -c %a /look'

# Anonymous ones.
quietly docker create --name anonymous --network none -v /data busybox true
matches '^[0-9a-f]{64} local$' get '{{range .Mounts}}{{.Name}} {{.Driver}}{{end}}' anonymous
quietly docker rm anonymous
quietly docker volume prune -f
says '' shell "docker volume ls -q | grep -E '^[0-9a-f]{64}$' || true"

# Bind mounts: a missing path is made with -v, an error with --mount.
says 755 shell "docker run --rm --network none -v $here/missing/path:/x busybox true; stat -c %a $here/missing/path"
fails 125 'bind source path does not exist' run --rm --mount "type=bind,source=$here/absent,target=/x" busybox true
echo host >file
says host run --rm -v "$here/file:/in/here:ro" busybox cat /in/here
says host run --rm -v "$here/file:/in/here:z" busybox cat /in/here
says host run --rm -v "$here/file:/in/here:ro,Z" busybox cat /in/here
says host run --rm --mount "type=bind,src=$here,dst=/here,readonly" busybox cat /here/file
fails 1 'Read-only' run --rm --mount "type=bind,src=$here,dst=/here,readonly" busybox touch /here/new
says 'bind rprivate' get '{{range .Mounts}}{{.Type}} {{.Propagation}}{{end}}' "$(docker create --network none -v "$here:/here" busybox true)"
says 'rshared' get '{{range .Mounts}}{{.Propagation}}{{end}}' "$(docker create --network none -v "/dev:/here:rshared" busybox true)"
fails 125 'invalid (volume specification|mode)' run --rm -v "$here:/here:nonsense" busybox true
fails 125 'must be absolute|invalid' run --rm -v "shelf:relative" busybox true
fails 125 'Duplicate mount point' run --rm -v shelf:/x -v "$here:/x" busybox true
fails 125 "destination can't be '/'" run --rm -v "$here:/" busybox true

# --mount type=volume and tmpfs.
says kept run --rm --mount type=volume,source=new,target=/v busybox sh -c 'echo kept >/v/f; cat /v/f'
says kept run --rm --mount source=new,target=/v,readonly busybox cat /v/f
says '{"x":"y"}' shell "docker create --name vl --network none --mount type=volume,source=vl,target=/v,volume-label=x=y busybox true >/dev/null; docker volume inspect -f '{{json .Labels}}' vl"
says '1024 1700' run --rm --mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1700 busybox sh -c "echo \$(df -k /t | awk 'END {print \$2}') \$(stat -c %a /t)"
quietly docker create --name temporary --network none --mount type=tmpfs,target=/t,tmpfs-size=1048576 busybox true
says 'tmpfs /t' get '{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}' temporary
says '1048576' get '{{(index .HostConfig.Mounts 0).TmpfsOptions.SizeBytes}}' temporary
lacks temporary docker volume ls
fails 125 'invalid|unsupported|unknown' run --rm --mount type=nonsense,target=/x busybox true
quietly docker run --rm --network none --mount type=volume,source=deep,target=/v busybox sh -c 'mkdir -p /v/sub; echo inner >/v/sub/f'
says inner run --rm --mount type=volume,source=deep,target=/v,volume-subpath=sub busybox cat /v/f

# --volumes-from: all that another has, stopped or not; :ro for all of it.
quietly docker create --name donor --network none -v shared:/shared -v /private -v "$here:/bound:ro" busybox true
quietly docker run --rm --network none --volumes-from donor busybox sh -c 'echo given >/shared/f; echo more >/private/f'
says $'given\nmore\nhost' run --rm --volumes-from donor:ro busybox cat /shared/f /private/f /bound/file
fails 1 'Read-only' run --rm --volumes-from donor:ro busybox touch /shared/new
fails 1 'Read-only' run --rm --volumes-from donor busybox touch /bound/new # as the donor has it
says 3 get '{{len .Mounts}}' "$(docker create --network none --volumes-from donor busybox true)"
says '' run --rm --volumes-from donor -v own:/shared busybox sh -c 'cat /shared/f 2>/dev/null || true' # one's own wins
fails 125 'No such container' run --rm --volumes-from nobody busybox true
fails 125 'volumes-from' run --rm --volumes-from donor:nonsense busybox true

# A volume with options of mount(8).
quietly docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=1000 ram
says '1024 1000' run --rm -v ram:/ram busybox sh -c "echo \$(df -k /ram | awk 'END {print \$2}') \$(stat -c %u /ram)"
quietly docker volume create -o type=none -o o=bind -o "device=$here" bound
says host run --rm -v bound:/b busybox cat /b/file
finish
