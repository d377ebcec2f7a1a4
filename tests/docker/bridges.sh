#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bridges: what a network's options make of them, those of an operator's own, and the default one as configured.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
# shellcheck source=tests/docker/world.sh
. "${0%/*}/world.sh"
option=com.docker.network.bridge

# --- An interface's addresses of one family, and how many containers are on a bridge.
addresses() { ip -o "-$1" address show "$2" scope global | awk '{print $4}'; }
ports_of() { ip -o link show master "$1" | wc -l; }
no_link() { ! ip link show "$1" 2>/dev/null; }
# A segment that others are on, too: the bridge "mine0", which the outside has a card on.
own_bridge() {
    ip link add mine0 type bridge
    ip address add "$1" dev mine0
    ip link set mine0 up
    ip link add mine1 type veth peer name segment netns "$world"
    ip link set mine1 master mine0 up
    in_world ip address add "$2" dev segment
    in_world ip link set segment up
}
drop_bridges() {
    ip link del mine0 2>/dev/null
    ip link del mine1 2>/dev/null
    leave
}
trap drop_bridges EXIT

# --- A name and an MTU of its own; gone with the network.
quietly docker network create -o $option.name=named0 -o com.docker.network.driver.mtu=1300 --ipv6 \
    --subnet 10.91.0.0/24 --subnet fd91::/64 named
says 10.91.0.1/24 addresses 4 named0
says fd91::1/64 addresses 6 named0
matches ' mtu 1300 ' ip link show named0
client one --network named
client two --network named
says 2 ports_of named0
quietly docker rm -f one
says 1 ports_of named0
quietly docker rm -f two
fails 1 'networks have same bridge name' docker network create -o $option.name=named0 twin
quietly docker network rm named
says '' no_link named0

# --- One that is there already is used, with all that is on it, and stays.
own_bridge 10.92.0.7/24 10.92.0.200/24
fails 1 'is no bridge' docker network create -o $option.name=mine1 --subnet 10.95.0.0/24 wrong
quietly docker network create -o $option.name=mine0 --subnet 10.92.0.0/24 --gateway 10.92.0.7 \
    --aux-address other=10.92.0.200 mine
says 10.92.0.7/24 addresses 4 mine0
server here --network mine -p 8700:80 -- tcp 0.0.0.0 80
says 2 ports_of mine0
ip netns exec "$world" "$REACH" serve tcp :: 9000 & # no function: its shell would be what is killed
there=$!
protocols=tcp asks inside here <<<"10.92.0.200 9000 $(address here mine)" # itself: they are on one segment
protocols=tcp asks inside here <<<'192.0.2.2 9000 192\.0\.2\.1'           # by way of the host
protocols=tcp asks outside <<TABLE
$(address here mine)  80    10\.92\.0\.200
192.0.2.1             8700  192\.0\.2\.2
TABLE
quietly docker rm -f here
quietly docker network rm mine
says 10.92.0.7/24 addresses 4 mine0
says 1 ports_of mine0

# --- Somebody else on it is the gateway.
quietly docker network create -o $option.name=mine0 -o $option.inhibit_ipv4=true --subnet 10.92.0.0/24 \
    --gateway 10.92.0.200 through
in_world ip address add 198.51.100.9/32 dev lo
client passing --network through
says 'default via 10.92.0.200 dev eth0' shell "docker exec passing ip route | sed -n 's/ *$//;/default/p'"
protocols=tcp asks inside passing <<<"198.51.100.9 9000 $(address passing through)"
says 10.92.0.7/24 addresses 4 mine0
quietly docker rm -f passing
quietly docker network rm through
ip link del mine0
ip link del mine1

# --- Where ports are published that do not say, and whose address what leaves has.
ip address add 192.0.2.7/24 dev uplink0
ip address add 2001:db8::7/64 dev uplink0 nodad
quietly docker network create --ipv6 --subnet 10.93.0.0/24 --subnet fd93::/64 -o $option.host_binding_ipv4=192.0.2.7 \
    -o com.docker.network.host_ipv4=192.0.2.7 -o com.docker.network.host_ipv6=2001:db8::7 -o com.example.own=kept chosen
server there --network chosen -p 8701:80 -- tcp :: 80
says 192.0.2.7:8701 docker port there 80
says kept docker network inspect -f '{{index .Options "com.example.own"}}' chosen
protocols=tcp asks outside <<<$'192.0.2.7 8701 192\\.0\\.2\\.2\n192.0.2.1 8701 nothing'
protocols=tcp asks inside there <<<$'192.0.2.2 9000 192\\.0\\.2\\.7\n2001:db8::2 9000 2001:db8::7'
quietly docker network create --ipv6 --subnet 10.94.0.0/24 --subnet fd94::/64 -o $option.enable_ip_masquerade=false \
    -o com.docker.network.container_iface_prefix=lan open
client seen --network open
says lan0 shell "docker exec seen ls /sys/class/net | grep lan"
protocols=tcp asks inside seen <<<"192.0.2.2 9000 $(address seen open)"$'\n'"2001:db8::2 9000 $(address6 seen open)"
kill $there
quietly docker rm -f there seen

# --- Values that do not fit.
refused() { fails 1 "option $1: want $3.*, have .$2.$" docker network create -o "$1=$2" wrong; }
refused $option.name 'a b' "an interface's name"
refused $option.name sixteen-letters- "an interface's name"
refused $option.enable_icc maybe 'true or false'
refused $option.inhibit_ipv4 2 'true or false'
refused $option.host_binding_ipv4 fd00::1 'an IPv4 address'
refused com.docker.network.host_ipv6 192.0.2.7 'an IPv6 address'
refused com.docker.network.driver.mtu 67 '0 or 68 to 65535'
refused com.docker.network.container_iface_prefix lo 'a prefix'
fails 1 'network wrong not found|No such network' docker network inspect wrong
clear_all
[ "$cgroups" = yes ] || finish

# --- The default bridge as the configuration has it. The engine starts anew for each.
configured() {
    clear_all
    printf '%s' "$1" >/etc/ballast/engine.json
    quietly systemctl restart ballastd
    quietly docker version
}
restore() {
    rm -f /etc/ballast/engine.json
    drop_bridges
}
trap restore EXIT
standard=$(gateway bridge)
configured '{"bip": "10.97.0.1/24", "fixed-cidr": "10.97.0.128/25", "ipv6": true, "fixed-cidr-v6": "fd97::/64", "mtu": 1300, "icc": false, "ip": "192.0.2.7"}'
says '10.97.0.1/24' addresses 4 ballast0
says 'fd97::1/64' addresses 6 ballast0
server web -p 8702:80 -- tcp :: 80
client beside
says '10.97.0.128 fd97::2 1300' shell "echo \$(docker inspect -f '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}' web) \$(docker exec web cat /sys/class/net/eth0/mtu)"
says 192.0.2.7:8702 docker port web 80
protocols=tcp asks outside <<<$'192.0.2.7 8702 192\\.0\\.2\\.2\n192.0.2.1 8702 nothing'
fails 1 '100% packet loss' docker exec beside ping -c 1 -W 1 10.97.0.128
configured '{"default-address-pools": [{"base": "10.98.0.0/23", "size": 24}]}'
quietly docker network create pooled
matches '^10\.98\.[01]\.1$' gateway pooled
# An operator's own: its addresses are the network's, and it is left as it is.
own_bridge 10.92.0.7/24 10.92.0.200/24
configured '{"bridge": "mine0", "fixed-cidr": "10.92.0.64/26"}'
client mine
says 10.92.0.64 address mine bridge
says 10.92.0.7 gateway bridge
quietly docker exec mine ping -c 1 -W 5 10.92.0.200
quietly systemctl restart ballastd
quietly docker exec mine ping -c 1 -W 5 10.92.0.200
configured '{"bridge": "none"}'
fails 1 '[Nn]o such network|network bridge not found' docker network inspect bridge
fails 125 'network bridge not found' docker run --rm busybox true
quietly docker network create alone
quietly docker run --rm --network alone busybox ping -c 1 -W 5 192.0.2.2
configured '{}'
says 10.92.0.7/24 addresses 4 mine0
says "$standard" gateway bridge
says "$standard/16" addresses 4 ballast0
finish
