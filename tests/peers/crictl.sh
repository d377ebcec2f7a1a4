#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real crictl on the machine's engine, and docker beside it. CRICTL names the program, CHECKS the folder of check.sh.
# shellcheck source=tests/docker/check.sh
. "$CHECKS/check.sh"

export CONTAINER_RUNTIME_ENDPOINT=unix:///run/ballast/cri.sock IMAGE_SERVICE_ENDPOINT=unix:///run/ballast/cri.sock
crictl() { "$CRICTL" -c /dev/null -t 60s "$@"; }
# container NAME ARGUMENTS [MORE]: its configuration, in NAME.json.
container() {
    printf '{"metadata":{"name":"%s"},"image":{"image":"busybox"},"args":%s,"log_path":"%s.log","linux":{}%s}' \
        "$1" "$2" "$1" "${3-}" >"$1.json"
}
made() { crictl create "$pod" "$1.json" pod.json; }
# field ID PATH: what `crictl inspect` says of it.
field() { crictl inspect --output go-template --template "{{$2}}" "$1"; }

mkdir -p logs
printf '{"metadata":{"name":"web","namespace":"default","uid":"11-22"},"hostname":"web","log_directory":"%s",' "$PWD/logs" >pod.json
printf '"labels":{"app":"web"},"dns_config":{"servers":["10.9.8.7"],"searches":["example.test"]},"linux":{}}' >>pod.json
container sleeper '["sleep","600"]'
container counter '["sh","-c","for i in 1 2 3; do echo line $i; sleep 1; done"]'
container echoer '["sh","-c","while read line; do echo got $line; done"]' ',"stdin":true,"stdin_once":true'
container server '["httpd","-f","-p","8080","-h","/etc"]'

matches 'RuntimeReady' crictl info
says 'true true' crictl info --output go-template --template '{{range .status.conditions}}{{if eq .type "RuntimeReady"}}{{.status}}{{end}}{{end}} {{range .status.conditions}}{{if eq .type "NetworkReady"}}{{.status}}{{end}}{{end}}'
matches 'RuntimeApiVersion: +v1' crictl version
matches 'busybox +latest' crictl images
matches 'usedBytes' crictl imagefsinfo
"$CRICTL" -c /dev/null events >events 2>&1 &
events=$!

pod=$(crictl runp pod.json)
matches "Ready +web +default" crictl pods
says "$pod" crictl pods -q --name web --label app=web --state ready
matches '^10\.' crictl inspectp --output go-template --template '{{.status.network.ip}}' "$pod"
address=$(crictl inspectp --output go-template --template '{{.status.network.ip}}' "$pod")
fails 1 'web' crictl runp pod.json

# Started, seen alike by both, and entered.
sleeper=$(made sleeper)
says "$sleeper" crictl ps -aq --state created
quietly crictl start "$sleeper"
says "$sleeper" crictl ps -q
says running docker inspect --format '{{.State.Status}}' "$sleeper"
says "$(get '{{.State.Pid}}' "$sleeper")" field "$sleeper" .info.pid
says "$(printf '%s\n' "$pod" "$sleeper" | sort)" \
    shell "docker ps -q --no-trunc --filter label=io.kubernetes.pod.uid=11-22 | sort"
says hello crictl exec "$sleeper" echo hello
says hello docker exec "$sleeper" echo hello
says hello crictl exec --sync "$sleeper" echo hello
says web crictl exec "$sleeper" hostname
says $'search example.test\nnameserver 10.9.8.7' shell "docker exec $sleeper cat /etc/resolv.conf | sort -r | grep ."
fails 1 'exit code 7|exit status 7|status 7' crictl exec "$sleeper" sh -c 'exit 7'
matches 'on a terminal' "$TERMINAL" 'see:#' 'type:tty >/dev/null && echo on a termin""al\r' 'see:on a terminal' 'type:exit\r' end \
    -- "$CRICTL" -c /dev/null exec -it "$sleeper" sh
fails 1 'not found|no such|No such' crictl exec absent true
# Accidents of docker's users end at the sandbox, and at what Kubernetes owns.
fails 1 'Kubernetes|pod|sandbox' docker rm -f "$pod"

# Logs, whole and followed to the end.
counter=$(made counter)
quietly crictl start "$counter"
says $'line 1\nline 2\nline 3' crictl logs -f "$counter"
says 'line 3' crictl logs --tail 1 "$counter"
says $'line 1\nline 2\nline 3' docker logs "$counter"
becomes CONTAINER_EXITED field "$counter" .status.state
says 'CONTAINER_EXITED 0 Completed' shell "echo $(field "$counter" .status.state) $(field "$counter" .status.exitCode) $(field "$counter" .status.reason)"
quietly crictl rm "$counter"

# Streams and ports.
echoer=$(made echoer)
quietly crictl start "$echoer"
says 'got words' shell "(sleep 1; echo words) | '$CRICTL' -c /dev/null attach -i $echoer"
server=$(made server)
quietly crictl start "$server"
says "$(docker exec "$server" cat /etc/hostname)" docker exec "$sleeper" wget -qO - "http://$address:8080/hostname"
"$CRICTL" -c /dev/null port-forward "$pod" 18080:8080 >forwarded 2>&1 &
forward=$!
becomes "$(docker exec "$server" cat /etc/hostname)" \
    docker run --rm --network host busybox wget -qO - http://127.0.0.1:18080/hostname
kill "$forward"

# What they use, and what they may use.
matches "${sleeper:0:13}" crictl stats
matches '"name": *"sleeper"' crictl stats --output json "$sleeper"
matches 'web' crictl statsp
matches "\"id\": *\"$pod\"" crictl statsp --output json "$pod"
quietly crictl update --memory 67108864 --cpu-quota 50000 --cpu-period 100000 "$sleeper"
says 67108864 cgroup_file "$sleeper" memory.max
says '50000 100000' cgroup_file "$sleeper" cpu.max
says 67108864 get '{{.HostConfig.Memory}}' "$sleeper"

# The end: a stopped pod's containers have ended, and a removed one leaves nothing.
quietly crictl stop --timeout 1 "$server"
quietly crictl stopp "$pod"
matches 'NotReady +web' crictl pods
says '' crictl ps -q
quietly crictl rmp "$pod"
says '' crictl pods -q
says '' crictl ps -aq
says '' shell 'ip -o link show | grep "master ballast-pods" || true'
fails 1 'not found|no such|No such' crictl inspectp "$pod"
kill "$events"
for kind in CREATED STARTED STOPPED DELETED; do
    matches "CONTAINER_${kind}_EVENT" cat events
done
finish
