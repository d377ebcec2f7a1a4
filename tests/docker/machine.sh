#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a whole machine adds: systemd's units around containers, the journal, the engine's own unit and configuration.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"

# The socket is root's and group docker's.
says '660 root docker' stat -c '%a %U %G' /run/docker.sock
fails 1 'permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups docker ps
says '' setpriv --reuid 65534 --regid "$(getent group docker | cut -d: -f3)" --clear-groups docker ps -q
says notify systemctl show -P Type ballastd
says enabled systemctl is-enabled ballastd.socket

# A unit as operators write them.
cat >/run/systemd/system/site.service <<'UNIT'
[Service]
ExecStartPre=-/usr/bin/docker kill site
ExecStartPre=-/usr/bin/docker rm site
ExecStart=/usr/bin/docker run --name site --network none busybox sh -c 'trap "exit 0" TERM; echo serving; while :; do sleep 0.1; done'
ExecStop=/usr/bin/docker stop site
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
quietly systemctl start site
becomes running docker inspect -f '{{.State.Status}}' site
says active systemctl is-active site
quietly systemctl restart site
becomes running docker inspect -f '{{.State.Status}}' site
becomes serving docker logs site
matches serving journalctl -u site -o cat
quietly systemctl stop site
becomes inactive shell 'systemctl is-active site || true'
says exited get '{{.State.Status}}' site
rm /run/systemd/system/site.service
systemctl daemon-reload

# Containers' cgroups are systemd's to see.
background --name seen busybox sleep 600
matches 'docker-|ballast|\.scope' shell "cat /proc/\$(docker inspect -f '{{.State.Pid}}' seen)/cgroup"
matches 'Ballast container seen' systemctl list-units --type scope --no-legend

# journald: fields, and docker logs out of the journal.
quietly docker run --name journal --network none --log-driver journald --log-opt tag='{{.Name}}/{{.ID}}' --label who=me --log-opt labels=who \
    busybox sh -c 'echo out; echo last; sleep 0.5; echo aside >&2'
becomes $'out\nlast' shell 'docker logs journal 2>/dev/null'
says aside shell 'docker logs journal 2>&1 >/dev/null'
says last shell 'docker logs -n 2 journal 2>/dev/null'
matches '^20[0-9T:.-]+Z out' docker logs -t journal
says $'out\nlast\naside' journalctl -o cat CONTAINER_NAME=journal
matches "journal/$(get '{{.Id}}' journal | cut -c1-12)" journalctl -o cat --output-fields=CONTAINER_TAG CONTAINER_NAME=journal
matches 'WHO=me' journalctl -o export CONTAINER_NAME=journal
background --name follow --log-driver journald busybox sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'
says $'1\n2\n3\n4\n5' docker logs -f follow

# The engine's own lines name container and image.
id=$(get '{{.Id}}' journal)
matches 'container journal: start' journalctl -u ballastd -o cat "CONTAINER_ID=${id:0:12}"
matches 'container journal: die, .*exitCode 0' journalctl -u ballastd -o cat IMAGE=busybox "CONTAINER_ID=${id:0:12}"
quietly docker rm journal
matches 'container journal: destroy' journalctl -u ballastd -o cat "CONTAINER_ID=${id:0:12}"

# syslog by the machine's own socket is the journal, too.
quietly docker run --rm --network none --log-driver syslog --log-opt tag=by-syslog busybox echo over there
becomes 'over there' journalctl -t by-syslog -o cat

# Configuration: checked, reloaded, and refused without harm.
says '/etc/ballast/engine.json: the configuration is valid' /usr/lib/ballast/ballastd --check-config
printf '{"log-driver": "local", "labels": ["rack=4"], "default-ulimits": {"nofile": {"Soft": 111, "Hard": 222}}}' >/etc/ballast/engine.json
quietly systemctl reload ballastd
becomes '[rack=4] local' docker info --format '{{.Labels}} {{.LoggingDriver}}'
says '111 222' run --rm busybox sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
says local get '{{.HostConfig.LogConfig.Type}}' "$(docker create --network none busybox true)"
printf '{"dns": ["9.9.9.9"], "dns-search": ["inner.example"], "dns-opts": ["timeout:1"]}' >/etc/ballast/engine.json
quietly systemctl reload ballastd
says $'nameserver 9.9.9.9\nsearch inner.example\noptions timeout:1' docker run --rm busybox cat /etc/resolv.conf
says $'nameserver 9.9.9.8\nsearch inner.example\noptions timeout:1' docker run --rm --dns 9.9.9.8 busybox cat /etc/resolv.conf
printf '{"labels": ["rack=4"], "log-driver": "local"}' >/etc/ballast/engine.json
quietly systemctl reload ballastd
printf '{"log-driver": "nonsense"}' >/etc/ballast/engine.json
fails 1 'engine.json:1:16' /usr/lib/ballast/ballastd --check-config
quietly systemctl reload ballastd
becomes yes shell 'journalctl -u ballastd -o cat | grep -q "the configuration stays as it was" && echo yes'
says '[rack=4] local' docker info --format '{{.Labels}} {{.LoggingDriver}}'
printf '{"metrics-addr": "127.0.0.1:9323", "debug": true}' >/etc/ballast/engine.json
quietly systemctl restart ballastd
becomes running docker inspect -f '{{.State.Status}}' seen
matches 'engine_daemon_container_states_containers.state="running". 1' shell \
    "exec 3<>/dev/tcp/127.0.0.1/9323; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3"
rm /etc/ballast/engine.json
quietly systemctl restart ballastd
becomes running docker inspect -f '{{.State.Status}}' seen

# AppArmor, where the kernel has it.
if grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then
    confined='ballast-default (enforce)' label=/proc/self/attr/current
    matches 'name=apparmor' docker info --format '{{.SecurityOptions}}'
    says "$confined" run --rm busybox cat $label
    says "$confined" docker exec seen cat $label
    says 'ballast-default' get '{{.AppArmorProfile}}' seen
    says unconfined run --rm --security-opt apparmor=unconfined busybox cat $label
    says unconfined run --rm --privileged busybox cat $label
    says "$confined" run --rm --privileged --security-opt apparmor=ballast-default busybox cat $label
    fails 125 'AppArmor profile' run --rm --security-opt apparmor=nosuchprofile busybox true
    # Denied by the profile alone: capabilities, seccomp, masked and read-only paths are out of the way.
    bare=(--rm --privileged --security-opt apparmor=ballast-default)
    fails 255 'ermission denied' run "${bare[@]}" busybox mount -t tmpfs none /tmp
    fails 1 'ermission denied' run "${bare[@]}" busybox sh -c 'echo 1 >/proc/sys/kernel/panic'
    fails 1 'ermission denied' run "${bare[@]}" busybox sh -c 'echo h >/proc/sysrq-trigger'
    fails 1 'ermission denied' run "${bare[@]}" --pid host busybox ls /proc/1/root/
    # Programs of one container look into one another, and signal one another.
    says ok run "${bare[@]}" busybox sh -c 'sleep 60 & ls /proc/$!/root/ >/dev/null && kill $! && echo ok'
    quietly docker stop -t 1 seen
fi
finish
