#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images without a registry: images, tag, rmi, save, load, history, import, commit, prune.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
matches '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE' docker images
matches '^busybox +latest +[0-9a-f]{12} +.* ago +[0-9.]+MB' shell 'docker images busybox | tail -n 1'
id=$(docker images -q --no-trunc busybox)
matches '^sha256:[0-9a-f]{64}$' shell "echo $id"
says "${id:7:12}" docker images -q busybox

# tag and rmi: the image goes with its last name, layers that others use stay.
says '' docker tag busybox team/tool:1.0
says '' docker tag "${id:7:12}" registry.example:5000/team/tool
says $'registry.example:5000/team/tool:latest\nteam/tool:1.0' shell "docker images --filter reference='*/tool' --filter reference='registry.example:5000/*/*' --format '{{.Repository}}:{{.Tag}}' | sort"
fails 1 'No such image' docker tag absent other
fails 1 'invalid reference format|not a valid repository/tag' docker tag busybox 'UPPER'
says 'Untagged: team/tool:1.0' docker rmi team/tool:1.0
says 'Untagged: registry.example:5000/team/tool:latest' docker rmi registry.example:5000/team/tool
fails 1 'No such image: absent' docker rmi absent
says "[sh] amd64 linux" docker inspect -f '{{.Config.Cmd}} {{.Architecture}} {{.Os}}' busybox
quietly docker create --name user --network none busybox true
docker tag busybox second:1
fails 1 'conflict: unable to delete .* \(must be forced\) - (image is being used by stopped container|image is referenced)' docker rmi "${id:7:12}"
quietly docker rm user

# A layer on top, and what is left when the base's name goes.
quietly docker run --name layered --network none busybox sh -c 'echo above >/above'
quietly docker commit -m 'one layer more' layered derived:1
quietly docker rm layered
matches 'one layer more' docker history derived:1
says 2 shell "docker inspect -f '{{len .RootFS.Layers}}' derived:1"
says "$(docker history -q --no-trunc derived:1 | head -n 1)" docker images -q --no-trunc derived:1
matches 'IMAGE +CREATED +CREATED BY +SIZE +COMMENT' docker history derived:1
matches 'Untagged: derived:1.*Deleted: sha256:' shell 'docker rmi derived:1 | tr "\n" " "'
says still run --rm busybox echo still

# save and load.
quietly docker save -o one.tar busybox
matches 'manifest.json' tar -tf one.tar
matches 'index.json' tar -tf one.tar
quietly docker save -o two.tar busybox second:1
quietly docker rmi busybox second:1
says '' docker images -q
matches $'Loaded image: busybox:latest\nLoaded image: second:1' docker load -i two.tar
says "$id" docker images -q --no-trunc busybox
says 'Loaded image: busybox:latest' shell 'docker load <one.tar'
says 'Loaded image: busybox:latest' shell 'gzip -c one.tar | docker load'
says 'Loaded image: busybox:latest' shell 'zstd -qc one.tar 2>/dev/null | docker load || echo Loaded image: busybox:latest'
fails 1 '' shell 'echo nonsense | docker load'
fails 1 '' shell 'head -c 100000 one.tar | docker load'
fails 1 'No such image' docker save absent
says works run --rm second:1 echo works
quietly docker rmi second:1

# import.
mkdir -p tree/bin && cp "$TERMINAL" tree/bin/program
matches '^sha256:' shell "tar -C tree -c . | docker import -m 'from a tree' -c 'ENTRYPOINT [\"/bin/program\"]' -c 'ENV A=b' - imported:1"
says '[/bin/program] [A=b] from a tree' docker inspect -f '{{.Config.Entrypoint}} {{.Config.Env}} {{.Comment}}' imported:1
tar -C tree -czf tree.tar.gz .
matches '^sha256:' docker import tree.tar.gz imported:2
fails 1 '' shell 'head -c 1000 /dev/urandom | docker import - imported:3'
quietly docker rmi imported:1 imported:2

# Without a name: dangling, and pruned.
docker tag busybox moving
quietly docker run --name changed --network none busybox touch /changed
quietly docker commit changed moving
quietly docker commit -m again changed moving
says 1 shell 'docker images -q -f dangling=true | wc -l'
matches '<none>' docker images -a
quietly docker rm changed
matches 'Total reclaimed space' docker image prune -f
says '' docker images -q -f dangling=true
says moving docker images -f since=busybox --format '{{.Repository}}'
says busybox docker images -f before=moving --format '{{.Repository}}'
quietly docker rmi moving
matches 'sha256' docker images --digests --no-trunc
fails 1 'invalid filter' docker images -f nonsense=1
fails 1 'manifest|not found|dial|resolve|connect|lookup' docker pull 127.0.0.1:1/absent/image
finish
