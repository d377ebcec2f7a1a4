#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker exec, logs and cp: what reaches into a container and out of it.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
background --name box -e WORD=kept -w /tmp busybox sh -c 'i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i != 3 ] || sleep 0.3; echo line $i; done; echo aside >&2; sleep 600'

# exec.
says hello docker exec box echo hello
says 'kept /tmp' docker exec box sh -c 'echo $WORD $PWD'
says 'more /etc 1000' docker exec -e WORD=more -w /etc -u web box sh -c 'echo $WORD $PWD $(id -u)'
says through shell 'echo through | docker exec -i box cat'
fails 3 '' docker exec box sh -c 'exit 3'
fails 137 '' docker exec box sh -c 'kill -9 $$'
fails 127 'executable file not found in \$PATH' docker exec box nosuch
fails 127 'no such file or directory' docker exec box /no/such
fails 126 'permission denied' docker exec box /etc/passwd
matches 'in here' "$TERMINAL" 'see:# ' 'type:echo in he""re\r' 'see:in here' 'type:exit\r' end -- docker exec -it box sh
fails 6 '' "$TERMINAL" 'see:# ' 'type:exit 6\r' end -- docker exec -it box sh
matches '33 66' "$TERMINAL" size:33x66 'see:# ' 'type:until stty size | grep -q ^33; do sleep 0.2; done; stty size\r' 'see:33 66' 'type:exit\r' end -- docker exec -it box sh
fails 1 'read escape sequence' "$TERMINAL" 'see:# ' 'type:\x10\x11' end -- docker exec -it box sh
says running get '{{.State.Status}}' box
says '' docker exec -d box sh -c 'echo done >/tmp/background'
becomes 'done' docker exec box cat /tmp/background
whole=$(printf '%016x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
if grep -q "CapBnd:.$whole" /proc/self/status; then # who has not all of them cannot give them
    says "$whole" shell 'docker exec --privileged box sed -n "s/^CapEff:.//p" /proc/self/status'
fi
fails 1 'No such container' docker exec nobody true
quietly docker create --name idle --network none busybox true
fails 1 'is not running' docker exec idle true

# logs.
expected=$'line 1\nline 2\nline 3\nline 4\nline 5'
becomes "$expected" shell 'docker logs box 2>/dev/null'
says aside shell 'docker logs box 2>&1 >/dev/null'
says $'line 4\nline 5' shell 'docker logs --tail 3 box 2>/dev/null'
says '' shell 'docker logs -n 0 box 2>&1'
says 6 shell 'docker logs --tail all box 2>&1 | wc -l'
matches '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z line 1' docker logs -t box
says '' shell 'docker logs --since 2100-01-01T00:00:00Z box 2>&1'
says 6 shell 'docker logs --since 10h box 2>&1 | wc -l'
says '' shell 'docker logs --until 10h box 2>&1'
stamp=$(docker logs -t box 2>/dev/null | sed -n '3s/ .*//p')
says $'line 3\nline 4\nline 5' shell "docker logs --since $stamp box 2>/dev/null"
# Following ends with the container, and misses nothing.
background --name talks busybox sh -c 'i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo $i; sleep 0.05; done'
says "$(seq 20)" docker logs -f talks
says "$(seq 20)" docker logs talks # of one that ended
says 20 docker logs --tail 1 -f talks
fails 1 'No such container' docker logs nobody
says part run --rm --name partial busybox printf part
quietly docker run --name unended --network none busybox printf 'no end'
says 'no end' docker logs unended
quietly docker run --name longline --network none busybox sh -c 'head -c 40000 /dev/zero | tr "\0" x; echo'
says 40001 shell 'docker logs longline | wc -c'

# cp, on a running container and on a stopped one, both ways.
for box in box idle; do
    mkdir -p tree/sub && echo one >tree/file && echo two >tree/sub/file && ln -sf file tree/link && chmod 640 tree/file
    says '' docker cp -q tree "$box":/root/
    rm -rf back && says '' docker cp -q "$box":/root/tree back
    says '' diff -r tree back
    says 640 stat -c %a back/file
    says file readlink back/link
    says '' docker cp -q tree/file "$box":/root/renamed
    says one shell "docker cp $box:/root/renamed - | tar -xO"
    says '' shell "tar -C tree -c sub | docker cp -q - $box:/root"
    says two shell "docker cp -q $box:/root/sub/file copied; cat copied"
    mkdir -p into && says '' docker cp -q "$box":/root/tree/. into
    says two cat into/sub/file
    fails 1 'Could not find the file /absent in container' docker cp "$box":/absent .
    fails 1 'no such (file or )?directory|Could not find' docker cp tree/file "$box":/absent/
    rm -rf tree back copied into
done
says two docker exec box cat /root/tree/sub/file
# A link in the container leads nowhere outside.
quietly docker exec box ln -s /etc/hostname /tmp/link
says "$(get '{{.Id}}' box | cut -c1-12)" shell 'docker cp -L box:/tmp/link - | tar -xO'
quietly docker exec box ln -s ../../../../../../etc /tmp/up
echo mine >mine
says '' docker cp -q mine box:/tmp/up/mine
says mine docker exec box cat /etc/mine
[ ! -e /etc/mine ] || wrong 'a copy left the container'
# A read-only root refuses.
background --name fixed --read-only busybox sleep 600
fails 1 'read-only' docker cp mine fixed:/mine
# A volume is part of what is copied.
background --name volumed -v vol:/vol busybox sleep 600
says '' docker cp -q mine volumed:/vol/mine
says mine run --rm -v vol:/vol busybox cat /vol/mine
finish
