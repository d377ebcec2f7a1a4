#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real compose client: its commands, one by one.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

mkdir -p shop && cd shop || exit 1
compose() { docker compose --ansi never --progress quiet "$@"; }
# The containers of a service, oldest first.
ids() { docker ps -aq --no-trunc --filter label=com.docker.compose.project=shop --filter "label=com.docker.compose.service=$1"; }
state() { get '{{.State.Status}}' "shop-$1-1"; }

echo 'welcome' >page.html
echo 'open sesame' >password
echo 'FROM_FILE=yes' >web.env
cat >compose.yaml <<'YAML'
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /www
    hostname: front
    env_file: web.env
    environment: {COLOUR: "${COLOUR:-blue}"}
    ports: ["127.0.0.1:8085:80", "80"]
    configs: [{source: page, target: /www/index.html}]
    secrets: [password]
    volumes: ["shelf:/shelf", "./:/here:ro"]
    networks: {front: {aliases: [www]}, back: {ipv4_address: 10.77.0.9}}
    depends_on: {store: {condition: service_healthy}}
    labels: {tier: edge}
    stop_signal: SIGKILL
    restart: unless-stopped
    ulimits: {nofile: 1234}
    extra_hosts: ["elsewhere:192.0.2.7"]
    links: ["store:database"]
  store:
    image: busybox
    command: sh -c 'sleep 1; touch /tmp/ready; exec sleep 600'
    init: true
    healthcheck: {test: [CMD, test, -f, /tmp/ready], interval: 300ms, timeout: 5s, retries: 100}
    networks: [back]
    tmpfs: [/scratch]
    stop_grace_period: 1s
  tool:
    image: busybox
    command: sleep 600
    profiles: [debug]
    network_mode: none
    init: true
networks:
  front:
  back:
    internal: true
    ipam: {config: [{subnet: 10.77.0.0/24}]}
    labels: {zone: inner}
volumes:
  shelf: {labels: {kept: "yes"}}
configs:
  page: {file: ./page.html}
secrets:
  password: {file: ./password}
YAML

says $'store\nweb' shell 'docker compose config --services | sort'
quietly compose up -d
says 'running running' shell 'echo $(docker compose ps --format "{{.State}}")'
says healthy get '{{.State.Health.Status}}' shop-store-1
says '' ids tool # its profile is not on

# What is made bears the project's labels.
says 'shop web 1' get '{{index .Config.Labels "com.docker.compose.project"}} {{index .Config.Labels "com.docker.compose.service"}} {{index .Config.Labels "com.docker.compose.container-number"}}' shop-web-1
says $'shop_back\nshop_front' shell 'docker network ls --filter label=com.docker.compose.project=shop --format "{{.Name}}" | sort'
says 'true 10.77.0.0/24 inner' docker network inspect -f '{{.Internal}} {{(index .IPAM.Config 0).Subnet}} {{.Labels.zone}}' shop_back
says 'yes shop' docker volume inspect -f '{{.Labels.kept}} {{index .Labels "com.docker.compose.project"}}' shop_shelf
matches 'shop +running\(2\)' docker compose ls

# Networks, names, files and settings inside.
says 10.77.0.9 get '{{.NetworkSettings.Networks.shop_back.IPAddress}}' shop-web-1
says welcome compose exec -T web wget -qO- http://www/
says welcome compose exec -T store wget -qO- http://web/
says welcome compose exec -T store wget -qO- http://shop-web-1/
fails 1 'bad address' compose exec -T store wget -qO- http://tool/
quietly compose exec -T web ping -c 1 -W 5 database # its own name for another
fails 1 'bad address' compose exec -T store ping -c 1 database
says 'open sesame' compose exec -T web cat /run/secrets/password
fails 1 'Read-only' compose exec -T web sh -c 'echo x >/here/new'
says 'front blue yes 1234' compose exec -T web sh -c 'echo $(hostname) $COLOUR $FROM_FILE $(ulimit -n)'
says 192.0.2.7 compose exec -T web sh -c "awk '/elsewhere/ {print \$1}' /etc/hosts"
says tmpfs compose exec -T store sh -c "awk '\$2 == \"/scratch\" {print \$1}' /proc/mounts"
says 127.0.0.1:8085 compose port web 80
fails 1 'Network is unreachable|bad address|can.t connect' compose exec -T store wget -T 2 -qO- http://192.0.2.1/

# logs, events, top, exec, cp, images, restart, pause, stop, kill, run.
quietly compose exec -T web sh -c 'echo spoken >/proc/1/fd/1'
becomes yes shell 'docker compose logs web | grep -q "web-1  | spoken" && echo yes'
matches 'spoken$' compose logs --no-log-prefix --tail 1 web
matches 'httpd -f -p 80' compose top web
says inside shell 'docker compose exec -T web sh -c "echo inside >/shelf/file" && docker compose cp web:/shelf/file ./taken 2>/dev/null && cat taken'
echo outside >given
says outside shell 'docker compose cp ./given web:/shelf/given 2>/dev/null && docker compose exec -T web cat /shelf/given'
matches 'shop-web-1 +busybox +latest' compose images
started=$(get '{{.State.StartedAt}}' shop-web-1)
quietly compose restart -t 0 web
says running state web
[ "$started" != "$(get '{{.State.StartedAt}}' shop-web-1)" ] || wrong 'compose restart left web alone'
says 10.77.0.9 get '{{.NetworkSettings.Networks.shop_back.IPAddress}}' shop-web-1
timeout 60 docker compose events --json web >events &
watcher=$!
sleep 1
quietly compose kill -s KILL web
becomes exited state web # killed by hand: unless-stopped does not start it
quietly compose start web
says running state web
becomes yes shell 'grep -q "\"action\":\"start\"" events && echo yes'
kill "$watcher" 2>/dev/null
matches '"action":"die"' cat events
matches '"service":"web"' cat events
quietly compose stop -t 0 store
says exited state store
matches 'Exited \(1(37|43)\)' compose ps -a store
quietly compose start store
becomes healthy get '{{.State.Health.Status}}' shop-store-1
says 'one off' compose run --rm -T --no-deps store echo one off
says '' shell 'docker ps -aq --filter label=com.docker.compose.oneoff=True'
fails 7 '' compose run --rm -T --no-deps store sh -c 'exit 7'
if [ "$cgroups" = yes ]; then
    quietly compose pause web
    says paused state web
    quietly compose unpause web
fi

# What is there is not pulled; what is nowhere is an error.
quietly docker tag busybox busybox:there
echo 'services: {a: {image: "busybox:there"}}' >there.yaml
quietly compose -p there -f there.yaml pull --policy missing
quietly docker rmi busybox:there
echo 'services: {a: {image: "127.0.0.1:1/nothing:1"}}' >nowhere.yaml
fails 18 'cannot connect to 127.0.0.1:1' docker compose -p nowhere -f nowhere.yaml pull --quiet

# A network that is there already is used, and stays; one that is not is an error. IPv6 where it is asked for.
cat >joining.yaml <<'YAML'
services: {a: {image: busybox, init: true, command: sleep 600, networks: [there, six]}}
networks:
  there: {external: true}
  six: {enable_ipv6: true, ipam: {config: [{subnet: "fd95::/64"}]}}
YAML
fails 1 'network there not found' docker compose -p joining -f joining.yaml up -d
quietly docker network create there
quietly compose -p joining -f joining.yaml up -d
says fd95::2 get '{{.NetworkSettings.Networks.joining_six.GlobalIPv6Address}}' joining-a-1
says 'joining_six there ' get '{{range $name, $network := .NetworkSettings.Networks}}{{$name}} {{end}}' joining-a-1
quietly compose -p joining -f joining.yaml down -t 0
quietly docker network rm there

# Up again changes what changed, and nothing else.
before=$(ids web) store=$(ids store)
quietly compose up -d
says "$before" ids web
COLOUR=red quietly compose up -d
[ "$before" != "$(ids web)" ] || wrong 'a changed service was not made again'
says "$store" ids store
says red compose exec -T web sh -c 'echo $COLOUR'
says inside compose exec -T web cat /shelf/file # the volume stays

# Scale, profiles, orphans.
quietly compose up -d --no-recreate --scale store=3
becomes 3 shell 'docker compose ps -q store | wc -l'
says 3 shell "docker compose exec -T web nslookup store 127.0.0.11 2>/dev/null | grep -c '^Address: 10.77.0'"
quietly compose scale store=1
says 1 shell 'docker compose ps -q store | wc -l'
says shop-store-1 shell 'docker compose ps --format "{{.Name}}" store'
quietly compose --profile debug up -d --no-recreate
says running state tool
sed -i '/^  tool:/,/^    init: true/d' compose.yaml
matches 'Found orphan containers' docker compose up -d --no-recreate
quietly compose up -d --no-recreate --remove-orphans
says '' ids tool

# Down leaves the volumes, unless they are to go.
quietly compose down -t 0
says '' shell 'docker ps -aq; docker network ls -q --filter label=com.docker.compose.project=shop'
says shop_shelf docker volume ls -q
quietly compose up -d
says inside compose exec -T web cat /shelf/file
quietly compose down -t 0 -v
says '' docker volume ls -q
cd .. || exit 1
finish
