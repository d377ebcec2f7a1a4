#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Applications as compose files describe them: a web server with cache and worker; a start in the order of health with
# several of one service; two projects that do not see each other.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
here=$PWD

compose() { docker compose --ansi never --progress quiet "$@"; }
# Asks as a program of the host.
ask() { docker run --rm --network host busybox wget -T 5 -qO- "$1"; }
gateway() { docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$1"; }
started() { get '{{.State.StartedAt}}' "$1"; }
# Whether the first of two times is not after the second.
ordered() { [ "$(date -d "$1" +%s%N)" -le "$(date -d "$2" +%s%N)" ] || wrong "$1 is after $2: $3"; }

# --- A web server, a cache and a worker that fills it.
mkdir -p counter/cache counter/web && cd counter || exit 1
cat >cache/value <<'CGI'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
case "$QUERY_STRING" in add) echo $(($(cat /data/count 2>/dev/null || echo 0) + 1)) >/data/new && mv /data/new /data/count ;; esac
cat /data/count 2>/dev/null || echo 0
CGI
cat >web/page <<'CGI'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo "$TITLE: $(wget -qO- http://cache:6379/cgi-bin/value) for $(cat /run/secrets/owner)"
CGI
chmod 755 cache/value web/page
echo somebody >owner
cat >compose.yaml <<'YAML'
x-common: &common
  image: busybox
  init: true
  restart: on-failure
services:
  web:
    <<: *common
    command: httpd -f -p 80 -h /www
    environment: [TITLE=count]
    ports: [{target: 80, published: "8090", protocol: tcp}]
    volumes: ["./web:/www/cgi-bin:ro"]
    secrets: [owner]
    networks: [outer, inner]
    depends_on: [cache, worker]
  cache:
    <<: *common
    command: httpd -f -p 6379 -h /srv
    volumes: ["./cache:/srv/cgi-bin:ro", "values:/data"]
    networks: [inner]
    healthcheck: {test: "wget -qO- http://127.0.0.1:6379/cgi-bin/value", interval: 500ms, timeout: 5s, retries: 60}
  worker:
    <<: *common
    command: sh -c 'while wget -qO- http://cache:6379/cgi-bin/value?add; do sleep 0.2; done'
    networks: [inner]
    depends_on: {cache: {condition: service_healthy, restart: true}}
networks: {outer: {}, inner: {internal: true}}
volumes: {values: {}}
secrets: {owner: {file: ./owner}}
YAML
quietly compose up -d --wait
at=$(gateway bridge) # which stays the host's
matches '^count: [0-9]+ for somebody$' ask "http://$at:8090/cgi-bin/page"
becomes yes shell "docker compose exec -T cache sh -c '[ \$(cat /data/count) -gt 3 ] && echo yes'"
# Something fails and comes back; the rest goes on, and the values are there.
before=$(docker compose exec -T cache cat /data/count)
docker compose exec -T worker kill 1 2>/dev/null
quietly compose restart -t 0 cache
matches '^count: [0-9]+ for somebody$' ask "http://$at:8090/cgi-bin/page"
quietly compose up -d --wait
becomes yes shell "docker compose exec -T cache sh -c '[ \$(cat /data/count) -gt $((before + 3)) ] && echo yes'"
quietly compose down -t 0 -v
fails 1 'refused|unreachable' ask "http://$at:8090/cgi-bin/page"
cd "$here" || exit 1

# --- Started in the order of health, three of one service.
mkdir -p ordered && cd ordered || exit 1
cat >compose.yaml <<'YAML'
services:
  store:
    image: busybox
    init: true
    command: sh -c 'sleep 2; touch /tmp/ready; exec sleep 600'
    healthcheck: {test: [CMD, test, -f, /tmp/ready], interval: 500ms, timeout: 5s, retries: 100, start_period: 1s}
  prepare:
    image: busybox
    command: sh -c 'sleep 1; echo prepared'
    depends_on: {store: {condition: service_healthy}}
  app:
    image: busybox
    command: sh -c 'mkdir /www; hostname >/www/index.html; exec httpd -f -p 80 -h /www'
    init: true
    deploy: {replicas: 3}
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1/"], interval: 500ms, timeout: 5s, retries: 60}
    depends_on:
      store: {condition: service_healthy}
      prepare: {condition: service_completed_successfully}
  front:
    image: busybox
    command: sleep 600
    init: true
    depends_on: {app: {condition: service_healthy}}
YAML
quietly compose up -d
says 5 shell 'docker compose ps -q | wc -l'
prepared=$(get '{{.State.FinishedAt}}' ordered-prepare-1)
ordered "@$(docker exec ordered-store-1 stat -c %Y /tmp/ready)" "$(started ordered-prepare-1)" 'prepare waits for health'
for number in 1 2 3; do
    ordered "$prepared" "$(started "ordered-app-$number")" 'app waits for prepare'
    ordered "$(started "ordered-app-$number")" "$(started ordered-front-1)" 'front waits for app'
    says healthy get '{{.State.Health.Status}}' "ordered-app-$number"
done
# The name of the service is each of them, in turn.
says 3 shell "docker compose exec -T front nslookup app 127.0.0.11 2>/dev/null | sed -n 's/^Address: //p' | sort -u | wc -l"
says 3 shell 'for i in 1 2 3 4 5 6 7 8 9; do docker compose exec -T front wget -qO- http://app/; done | sort -u | wc -l'
quietly compose up -d --scale app=1
says 1 shell "docker compose exec -T front nslookup app 127.0.0.11 2>/dev/null | grep -c '^Address: '"
# Who waits for something that fails is told.
cat >failing.yaml <<'YAML'
services:
  broken: {image: busybox, command: "false"}
  after: {image: busybox, command: sleep 600, depends_on: {broken: {condition: service_completed_successfully}}}
YAML
fails 1 "didn't complete successfully: exit 1" docker compose -p failing -f failing.yaml up -d
quietly compose -p failing -f failing.yaml down
quietly compose down -t 0
cd "$here" || exit 1

# --- Two projects of one file.
mkdir -p twice && cd twice || exit 1
cat >compose.yaml <<'YAML'
services:
  web:
    image: busybox
    command: sh -c 'mkdir /www; echo $$WHO >/www/index.html; exec httpd -f -p 80 -h /www'
    init: true
    environment: [WHO]
    volumes: ["data:/data"]
  client:
    image: busybox
    command: sleep 600
    init: true
volumes: {data: {}}
YAML
WHO=left quietly compose -p left up -d
WHO=right quietly compose -p right up -d
for one in left right; do
    says "$one" compose -p "$one" exec -T client wget -qO- http://web/
    says 2 shell "docker compose -p $one ps -q | wc -l"
done
address=$(get '{{.NetworkSettings.Networks.right_default.IPAddress}}' right-web-1)
says right compose -p right exec -T client wget -T 5 -qO- "http://$address/"
fails 1 'timed out|unreachable|refused' compose -p left exec -T client wget -T 2 -qO- "http://$address/"
fails 1 'bad address' compose -p left exec -T client wget -T 2 -qO- http://right-web-1/
fails 1 '100% packet loss' compose -p left exec -T client ping -c 1 -W 1 "$address"
says $'left_data\nright_data' docker volume ls -q
quietly compose -p left down -t 0 -v
says right compose -p right exec -T client wget -qO- http://web/
says right_data docker volume ls -q
quietly compose -p right down -t 0 -v
cd "$here" || exit 1
finish
