#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Published ports and what leaves, with traffic from outside, the host, and containers, by IPv4 and IPv6.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
# shellcheck source=tests/docker/world.sh
. "${0%/*}/world.sh"

# --- Published on all addresses, on one of the host's, on its loopback device.
quietly docker network create --ipv6 --subnet fd77::/64 dual
quietly docker network create other
client sibling --network dual
client stranger --network other
options=() serves=()
for protocol in $protocols; do
    serves+=("$protocol" :: 80)
    for port in 8080:80 8100-8101:8100-8101 192.0.2.1:8200:80 '[2001:db8::1]:8201:80' 127.0.0.1:8300:80 '[::1]:8301:80'; do
        options+=(-p "$port/$protocol")
    done
done
server web --network dual "${options[@]}" -- "${serves[@]}"
web4=$(address web dual) web6=$(address6 web dual)
asks outside <<TABLE
192.0.2.1    8080  192\.0\.2\.2
2001:db8::1  8080  2001:db8::2
192.0.2.1    8200  192\.0\.2\.2
2001:db8::1  8201  2001:db8::2
2001:db8::1  8200  nothing
192.0.2.1    8201  nothing
192.0.2.1    8300  nothing
2001:db8::1  8301  nothing
$web4        80    nothing
$web6        80    nothing
TABLE
asks host <<TABLE
192.0.2.1    8080  [0-9.]+
2001:db8::1  8080  [0-9a-f:]+
192.0.2.1    8200  [0-9.]+
2001:db8::1  8201  [0-9a-f:]+
$web4        80    [0-9.]+
$web6        80    fd77::1
TABLE
for who in sibling web; do
    asks inside "$who" <<TABLE
192.0.2.1    8080  [0-9.]+
2001:db8::1  8080  [0-9a-f:]+
192.0.2.1    8200  [0-9.]+
192.0.2.1    8300  nothing
2001:db8::1  8301  nothing
$web4        80    [0-9.]+
$web6        80    [0-9a-f:]+
TABLE
done
asks inside stranger <<TABLE
192.0.2.1    8080  [0-9.]+
$(gateway dual)  8080  [0-9.]+
192.0.2.1    8300  nothing
$web4        80    nothing
$web6        80    nothing
TABLE
# The host's loopback addresses: its own programs only, and not by SCTP.
if [ "$cgroups" = yes ]; then
    protocols='tcp udp' asks host <<TABLE
127.0.0.1  8080  [0-9.]+
127.9.8.7  8080  [0-9.]+
::1        8080  [0-9a-f:]+
127.0.0.1  8300  [0-9.]+
::1        8301  [0-9a-f:]+
::1        8300  nothing
127.0.0.1  8301  nothing
TABLE
fi
# In use: refused, with its number and who has it.
for protocol in $protocols; do
    fails 125 '0\.0\.0\.0:8080 failed: port is already allocated' docker run --rm -p "8080:80/$protocol" busybox true
done
"$REACH" serve tcp 0.0.0.0 8400 &
holder=$!
becomes 192.0.2.1 host tcp 192.0.2.1 8400
fails 125 '8400 failed: port is already allocated: .* has it' docker run --rm -p 8400:80 busybox true
kill $holder
says $'0.0.0.0:8101\n[::]:8101' docker port web 8101/tcp
quietly docker rm -f web
asks outside <<TABLE
192.0.2.1    8080  nothing
2001:db8::1  8080  nothing
TABLE

# --- Ephemeral ports, and IPv4 behind ::1.
matches '^0\.0\.0\.0:[0-9]+' shell 'docker run -d --name any -p 80 busybox sleep 900 >/dev/null; docker port any 80'
server dns -p 5353:53/udp -- udp 0.0.0.0 53
says 192.0.2.2 outside udp 192.0.2.1 5353
[ "$cgroups" = no ] || says "$(gateway bridge)" host udp ::1 5353

# --- Services on the host's loopback device stay out of reach.
"$REACH" serve tcp 127.0.0.1 8500 udp 127.0.0.1 8500 &
service=$!
protocols='tcp udp' asks host <<<'127.0.0.1 8500 127\.0\.0\.1'
client thief --network other --cap-add NET_ADMIN
quietly docker exec thief sh -c "ip link set lo down && ip route add 127.0.0.1/32 via $(gateway other) dev eth0"
protocols='tcp udp' asks inside thief <<<'127.0.0.1 8500 nothing'
in_world ip link set lo down
in_world sysctl -qw net.ipv4.conf.all.route_localnet=1
in_world ip route add 127.0.0.1/32 via 192.0.2.1 dev outer
protocols='tcp udp' asks outside <<<'127.0.0.1 8500 nothing'
kill $service
says 0 cat /proc/sys/net/ipv4/conf/all/route_localnet

# --- What leaves has the host's address.
serves=()
for protocol in $protocols; do serves+=("$protocol" :: 9000); done
ip netns exec "$world" "$REACH" serve "${serves[@]}" & # no function: its shell would be what is killed
asks inside stranger <<<'192.0.2.2 9000 192\.0\.2\.1'
asks inside sibling <<<$'192.0.2.2 9000 192\\.0\\.2\\.1\n2001:db8::2 9000 2001:db8::1'

# --- A connection that is open outlives what others do to our table and bridges.
server kept --network other -p 8600:80 -- tcp 0.0.0.0 80
mkfifo lines
ip netns exec "$world" "$REACH" hold tcp 192.0.2.1 8600 lines >held &
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
becomes 0 shell "docker exec kept ping -c 1 -W 1 $(address stranger other) >/dev/null; echo \$?"
echo >lines
becomes 3 shell 'wc -l <held'
says running get '{{.State.Status}}' kept
jobs -p | xargs -r kill
finish
