#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks and published ports, with traffic from outside, the host, and containers. REACH names the program `reach`.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
: "${REACH:?}"
REACH=$(realpath "$REACH")

# The world: a neighbour of the host's, 192.0.2.2 and 2001:db8::2; the host is .1 and ::1 there.
world=world-$$
leave() {
    ip link del uplink0 2>/dev/null
    ip netns del "$world" 2>/dev/null
}
trap leave EXIT
ip netns add "$world"
ip link add uplink0 type veth peer name outer netns "$world"
ip addr add 192.0.2.1/24 dev uplink0
ip addr add 2001:db8::1/64 dev uplink0 nodad
ip link set uplink0 up
in_world() { ip netns exec "$world" "$@"; }
in_world ip addr add 192.0.2.2/24 dev outer
in_world ip addr add 2001:db8::2/64 dev outer nodad
in_world ip link set outer up
in_world ip link set lo up
in_world ip route add default via 192.0.2.1
in_world ip -6 route add default via 2001:db8::1

outside() { in_world "$REACH" ask "$@"; }
host() { "$REACH" ask "$@"; }
inside() { docker exec "$1" /reach ask "${@:2}"; }
# server NAME OPTIONS... -- ARGUMENTS OF SERVE
server() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do options+=("$1") && shift; done
    background --name "$name" -v "$REACH:/reach:ro" "${options[@]}" busybox /reach serve "${@:2}"
}
client() { background --name "$1" --init -v "$REACH:/reach:ro" "${@:2}" busybox sleep 600; }
background() { quietly docker run -d "$@"; }
address() { get "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
address6() { get "{{(index .NetworkSettings.Networks \"$2\").GlobalIPv6Address}}" "$1"; }

# --- What is there, and the default bridge.
says $'bridge bridge\nhost host\nnone null' shell 'docker network ls --format "{{.Name}} {{.Driver}}" | sort'
for name in bridge host none; do
    fails 1 'pre-defined network and cannot be removed' docker network rm $name
done
gateway=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)
matches '^172\.[0-9]+\.0\.1$' echo "$gateway"
client one
client two
says "${gateway%.1}.2" address one bridge
says "${gateway%.1}.3" address two bridge
says "default via $gateway dev eth0" shell "docker exec one ip route | sed -n 's/ *$//;/default/p'"
says "$gateway" get '{{.NetworkSettings.Gateway}}' one
fails 1 'bad address' docker exec one ping -c 1 two # no names there
quietly docker exec one ping -c 1 -W 5 "$(address two bridge)"
quietly docker exec one ping -c 1 -W 5 192.0.2.2
says 1 run --rm --network none busybox sh -c 'ls /sys/class/net | wc -l'
quietly docker rm -f one two

# --- Published ports, IPv4 and IPv6.
quietly docker network create --ipv6 --subnet fd77::/64 dual
quietly docker network create other
client sibling --network dual
client stranger --network other
protocols='tcp udp'
"$REACH" has sctp && protocols+=' sctp'
for protocol in $protocols; do
    server web --network dual -p "8080:80/$protocol" -p "8100-8101:8100-8101/$protocol" -p "192.0.2.1:8200:80/$protocol" -p "127.0.0.1:8300:80/$protocol" -p "[::1]:8301:80/$protocol" -- "$protocol" :: 80
    says 192.0.2.2 outside "$protocol" 192.0.2.1 8080
    says 2001:db8::2 outside "$protocol" 2001:db8::1 8080
    says 192.0.2.2 outside "$protocol" 192.0.2.1 8200
    fails 1 'reach' outside "$protocol" 192.0.2.1 8201
    says 192.0.2.1 shell "'$REACH' ask $protocol 192.0.2.1 8080 | sed 's/^172.*/192.0.2.1/'"
    quietly host "$protocol" 2001:db8::1 8080
    for who in sibling stranger web; do
        quietly inside $who "$protocol" 192.0.2.1 8080
    done
    quietly inside sibling "$protocol" 2001:db8::1 8080
    quietly inside web "$protocol" 2001:db8::1 8080
    # Ports of the host's loopback addresses are for its own programs only.
    fails 1 'reach' outside "$protocol" 192.0.2.1 8300
    fails 1 'reach' outside "$protocol" 2001:db8::1 8301
    fails 1 'reach' inside sibling "$protocol" 192.0.2.1 8300
    if [ "$cgroups" = yes ] && [ "$protocol" != sctp ]; then
        quietly host "$protocol" 127.0.0.1 8080
        quietly host "$protocol" 127.9.8.7 8080
        quietly host "$protocol" ::1 8080
        quietly host "$protocol" 127.0.0.1 8300
        quietly host "$protocol" ::1 8301
        fails 1 'reach' host "$protocol" ::1 8300
        fails 1 'reach' host "$protocol" 127.0.0.1 8301
    fi
    # In use: refused, with its number and who has it.
    fails 125 '0\.0\.0\.0:8080 failed: port is already allocated' docker run --rm -p "8080:80/$protocol" busybox true
    # Nothing else of the container is reached from outside.
    fails 1 'reach' outside "$protocol" "$(address web dual)" 80
    fails 1 'reach' inside stranger "$protocol" "$(address web dual)" 80
    fails 1 'reach' inside stranger "$protocol" "$(address6 web dual)" 80
    quietly docker rm -f web
    fails 1 'reach' outside "$protocol" 192.0.2.1 8080
done
matches '^(0\.0\.0\.0:[0-9]+|\[::\]:[0-9]+)' shell 'docker run -d --name any -p 80 busybox sleep 600 >/dev/null; docker port any 80'
server dns -p 5353:53/udp -- udp 0.0.0.0 53
says 192.0.2.2 outside udp 192.0.2.1 5353
[ "$cgroups" = no ] || says "$gateway" host udp ::1 5353 # by IPv4 behind it
"$REACH" serve tcp 0.0.0.0 8400 &
holder=$!
becomes 192.0.2.1 host tcp 192.0.2.1 8400
fails 125 '8400 failed: port is already allocated: .* has it' docker run --rm -p 8400:80 busybox true
kill $holder

# --- Services on the host's loopback device stay out of reach.
"$REACH" serve tcp 127.0.0.1 8500 &
service=$!
becomes 127.0.0.1 host tcp 127.0.0.1 8500
client thief --network other --cap-add NET_ADMIN
quietly docker exec thief ip link set lo down
quietly docker exec thief ip route add 127.0.0.1/32 via "$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' other)" dev eth0
fails 1 'reach' inside thief tcp 127.0.0.1 8500
in_world ip link set lo down
in_world sysctl -qw net.ipv4.conf.all.route_localnet=1
in_world ip route add 127.0.0.1/32 via 192.0.2.1 dev outer
fails 1 'reach' outside tcp 127.0.0.1 8500
kill $service
says 0 cat /proc/sys/net/ipv4/conf/all/route_localnet

# --- What leaves has the host's address.
in_world "$REACH" serve tcp :: 9000 &
becomes 192.0.2.1 inside stranger tcp 192.0.2.2 9000
says 2001:db8::1 inside sibling tcp 2001:db8::2 9000

# --- A connection that is open outlives what others do to our table and bridges.
server kept --network other -p 8600:80 -- tcp 0.0.0.0 80
mkfifo lines
in_world "$REACH" hold tcp 192.0.2.1 8600 lines >held &
becomes 1 shell 'wc -l <held'
quietly nft flush ruleset
becomes 192.0.2.2 outside tcp 192.0.2.1 8600
echo >lines
becomes 2 shell 'wc -l <held'
quietly nft delete table inet ballast
becomes 192.0.2.2 outside tcp 192.0.2.1 8600
bridge=br-$(docker network inspect -f '{{slice .Id 0 12}}' other)
quietly ip link del "$bridge"
becomes 192.0.2.2 outside tcp 192.0.2.1 8600
quietly docker exec kept ping -c 1 -W 5 "$(address stranger other)"
echo >lines
becomes 3 shell 'wc -l <held'

# --- network create and its options; connect and disconnect.
quietly docker network create --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 --gateway 10.90.0.254 --aux-address taken=10.90.0.129 -o com.docker.network.driver.mtu=1400 --label a=b fine
says '10.90.0.0/24 10.90.0.128/25 10.90.0.254 1400 b' docker network inspect -f '{{with index .IPAM.Config 0}}{{.Subnet}} {{.IPRange}} {{.Gateway}}{{end}} {{index .Options "com.docker.network.driver.mtu"}} {{.Labels.a}}' fine
fails 1 'already exists' docker network create fine
fails 1 'overlap' docker network create --subnet 10.90.0.128/25 overlapping
client first --network fine --network-alias same
client second --network fine --network-alias same --ip 10.90.0.7 --mac-address 02:00:00:00:00:07
says 10.90.0.128 address first fine
says '10.90.0.7 02:00:00:00:00:07' get '{{with .NetworkSettings.Networks.fine}}{{.IPAddress}} {{.MacAddress}}{{end}}' second
says 1400 docker exec first cat /sys/class/net/eth0/mtu
fails 125 'Address already in use' docker run --rm --network fine --ip 10.90.0.7 busybox true
quietly docker exec first ping -c 1 -W 5 second
says 2 shell "docker exec first nslookup same 127.0.0.11 | grep -c '^Address: 10.90'"
says second.fine shell "docker exec first nslookup 10.90.0.7 127.0.0.11 | sed -n 's/.*name = \([a-z.]*[a-z]\).*/\1/p' | head -1"
fails 1 'has active endpoints' docker network rm fine
quietly docker network connect --ip 10.90.0.9 --alias here fine stranger
quietly docker exec first ping -c 1 -W 5 here
says 10.90.0.9 address stranger fine
quietly docker network disconnect fine stranger
fails 1 'bad address' docker exec first ping -c 1 -W 5 here
fails 1 'is not connected' docker network disconnect fine stranger
quietly docker network create --internal closed
client locked --network closed
fails 1 'unreachable' docker exec locked ping -c 1 -W 2 192.0.2.2
quietly docker network create -o com.docker.network.bridge.enable_icc=false apart
client left --network apart
client right --network apart
fails 1 '100% packet loss' docker exec left ping -c 1 -W 2 right
quietly docker exec left ping -c 1 -W 5 192.0.2.2
says running get '{{.State.Status}}' kept
finish
