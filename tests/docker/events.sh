#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker events: what happens is told, live and from before, with filters.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
since=$(date +%s.%N)
told() { docker events --since "$since" --until "$(date +%s.%N)" "$@"; }

docker events --filter container=watched --format '{{.Action}}' >live &
live=$!
sleep 1
background --name watched -l colour=red busybox sleep 600
quietly docker exec watched true
quietly docker rename watched watched2
quietly docker rename watched2 watched
if [ $cgroups = yes ]; then
    quietly docker pause watched
    quietly docker unpause watched
fi
quietly docker kill -s CONT watched
quietly docker restart -t 0 watched
quietly docker export -o exported.tar watched
quietly docker cp watched:/etc/passwd copied
quietly docker commit watched made:1
quietly docker stop -t 0 watched
quietly docker rm watched
becomes yes shell 'grep -q destroy live && echo yes'
kill $live
says "$(cat live)" told --filter container=watched --format '{{.Action}}'
for action in create start exec_create exec_start exec_die rename kill die stop restart export commit destroy; do
    matches "(^|$(printf '\n'))$action" cat live
done
[ $cgroups = no ] || matches unpause cat live
says $'start\nstart' told --filter container=watched --filter event=start --format '{{.Action}}'
says '' told --filter container=other
matches 'container kill .*name=watched, signal=18|signal=18' told --filter event=kill
matches 'container die [0-9a-f]{64} \(.*exitCode=137.*name=watched' told --filter event=die
matches 'colour=red' told --filter label=colour=red --filter event=create
says '' told --filter label=colour=blue
says 2 shell "docker events --since $since --until $(date +%s.%N) --filter label=colour --filter event=start --format '{{.Action}}' | wc -l"
matches '^20[0-9T:.+-]+Z? container create' told --filter type=container
matches '"Action":"create"' told --filter event=create --format json

# Images, volumes.
docker tag made:1 made:2
quietly docker save -o saved.tar made:2
quietly docker rmi made:1 made:2
matches 'tag' told --filter type=image --filter image=made:2 --format '{{.Action}}'
matches 'image untag' told --filter type=image
matches 'image delete' told --filter type=image
quietly docker volume create shelf
quietly docker run --rm --network none -v shelf:/x busybox true
quietly docker volume rm shelf
says $'create\nmount\nunmount\ndestroy' told --filter type=volume --filter volume=shelf --format '{{.Action}}'

# Health.
background --name ill --health-cmd 'exit 1' --health-interval 200ms --health-retries 1 busybox sleep 600
becomes 'health_status: unhealthy' shell "docker events --since $since --until \$(date +%s.%N) --filter container=ill --filter event=health_status --format '{{.Action}}' | tail -n 1"
fails 1 'invalid filter' docker events --filter nonsense=1 --until 0s
finish
