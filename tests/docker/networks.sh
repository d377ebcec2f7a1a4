#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks: those that are there, what new ones may be, who joins and leaves them, and who is called what on them.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
# shellcheck source=tests/docker/world.sh
. "${0%/*}/world.sh"

# --- What is there, and the default bridge.
says $'bridge bridge\nhost host\nnone null' shell 'docker network ls --format "{{.Name}} {{.Driver}}" | sort'
for name in bridge host none; do
    fails 1 'pre-defined network and cannot be removed' docker network rm $name
done
gateway=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)
matches '^172\.[0-9]+\.0\.1$' echo "$gateway"
client one
client two -e WORD=kept --expose 81
says "${gateway%.1}.2" address one bridge
says "${gateway%.1}.3" address two bridge
says "default via $gateway dev eth0" shell "docker exec one ip route | sed -n 's/ *$//;/default/p'"
says "$gateway" get '{{.NetworkSettings.Gateway}}' one
fails 1 'bad address' docker exec one ping -c 1 two # no names there
quietly docker exec one ping -c 1 -W 5 "$(address two bridge)"
quietly docker exec one ping -c 1 -W 5 192.0.2.2
says 1 run --rm --network none busybox sh -c 'ls /sys/class/net | wc -l'

# --- Links, on the default bridge.
quietly docker run -d --name linker --link two:store -e STORE_NAME=mine busybox sleep 900
says '[/two:/linker/store]' get '{{.HostConfig.Links}}' linker
quietly docker exec linker sh -c 'ping -c 1 -W 5 store && ping -c 1 -W 5 two'
says $'STORE_ENV_WORD=kept\nSTORE_NAME=mine\nSTORE_PORT=tcp://'"${gateway%.1}.3:81" shell \
    "docker exec linker env | grep ^STORE_ | grep -v PORT_ | sort"
says "${gateway%.1}.3" docker exec linker sh -c 'echo $STORE_PORT_81_TCP_ADDR'
fails 125 'could not get container for nobody: No such container: nobody' docker run --link nobody busybox true
fails 125 'links are only supported for user-defined networks' docker run --network host --link two busybox true
quietly docker stop -t 0 two
fails 1 'Cannot link to a non running container: /two AS /linker/store' docker restart -t 0 linker
quietly docker rm two # and the link with it
says linker docker start linker
says '[]' get '{{.HostConfig.Links}}' linker
quietly docker rm -f one linker

# --- network create and its options.
quietly docker network create --ipv6 --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 --gateway 10.90.0.254 \
    --aux-address taken=10.90.0.129 --subnet fd90::/64 -o com.docker.network.driver.mtu=1400 --label a=b fine
says '10.90.0.0/24 10.90.0.128/25 10.90.0.254 1400 b true' docker network inspect -f '{{with index .IPAM.Config 0}}{{.Subnet}} {{.IPRange}} {{.Gateway}}{{end}} {{index .Options "com.docker.network.driver.mtu"}} {{.Labels.a}} {{.EnableIPv6}}' fine
fails 1 'already exists' docker network create fine
fails 1 'overlap' docker network create --subnet 10.90.0.128/25 overlapping
fails 1 'plugin|driver' docker network create -d macvlan unknown
client first --network fine --network-alias same
client second --network fine --network-alias same --ip 10.90.0.7 --ip6 fd90::7 --mac-address 02:00:00:00:00:07
says 10.90.0.128 address first fine
says '10.90.0.7 fd90::7 02:00:00:00:00:07' get '{{with .NetworkSettings.Networks.fine}}{{.IPAddress}} {{.GlobalIPv6Address}} {{.MacAddress}}{{end}}' second
says $'1400\n02:00:00:00:00:07' docker exec second cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address
fails 125 'Address already in use' docker run --rm --network fine --ip 10.90.0.7 busybox true
fails 1 'has active endpoints' docker network rm fine
# A network without an address left.
quietly docker network create --subnet 10.95.0.0/30 tiny
client only --network tiny
fails 125 'no available IPv4 addresses on this network.s address pools: tiny' docker run --rm --network tiny busybox true
quietly docker rm -f only
says 10.95.0.2 shell "docker run --rm --network tiny busybox ip -o -4 address show eth0 | sed 's,.*inet \([0-9.]*\)/.*,\1,'"
quietly docker network rm tiny

# --- Names, by the network's own resolver.
ask="nslookup -type"
quietly docker exec first sh -c 'ping -c 1 -W 5 second && ping -6 -c 1 -W 5 second && ping -c 1 -W 5 second.fine'
says $'10.90.0.128\n10.90.0.7' shell "docker exec first $ask=a same 127.0.0.11 | sed -n 's/^Address: //p' | sort"
says fd90::7 shell "docker exec first $ask=aaaa second 127.0.0.11 | sed -n 's/^Address: //p'"
for one in 10.90.0.7 fd90::7; do
    says second.fine shell "docker exec first nslookup $one 127.0.0.11 | sed -n 's/.*name = \([a-z.]*[a-z]\).*/\1/p' | head -1"
done
says $'nameserver 127.0.0.11\nsearch inner.example' shell \
    'docker run --rm --network fine --dns 192.0.2.2 --dns-search inner.example busybox grep -v -e ^options -e ^# /etc/resolv.conf'
says "$gateway" docker run --rm --network fine --add-host up:host-gateway busybox sh -c "awk '\$2 == \"up\" {print \$1}' /etc/hosts"
# A name server of a container's own, on all its addresses, beside the resolver.
server names --network fine -- udp 0.0.0.0 53 tcp 0.0.0.0 53
protocols='tcp udp' asks inside first <<<"$(address names fine) 53 10\.90\.0\.128"
quietly docker exec names ping -c 1 -W 5 first

# --- Connect and disconnect while a container runs, and while it does not.
quietly docker network create other
client stranger --network other
fails 1 '100% packet loss' docker exec stranger ping -c 1 -W 1 10.90.0.7
quietly docker network connect --ip 10.90.0.9 --alias here fine stranger
quietly docker exec first ping -c 1 -W 5 here
says 10.90.0.9 address stranger fine
says '1 eth1' docker exec stranger sh -c "ip route | awk '/^default/ {print NR, \$5}'" # by the first network's name: fine
quietly docker network disconnect fine stranger
fails 1 'bad address' docker exec first ping -c 1 -W 5 here
fails 1 'is not connected' docker network disconnect fine stranger
quietly docker create --name later --network other busybox sh -c 'ip -o -4 address | grep -c eth'
quietly docker network connect fine later
says 2 docker start -a later
quietly docker network disconnect -f fine later
says 1 docker start -a later

# --- Options of one endpoint are kept and shown, whatever they are, as long as the container is on the network.
options_of() { get "{{json (index .NetworkSettings.Networks \"$2\").DriverOpts}}" "$1"; }
client opted --network name=other,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.ifname.log_martians=1,driver-opt=own=1
says '{"com.docker.network.endpoint.sysctls":"net.ipv4.conf.ifname.log_martians=1","own":"1"}' options_of opted other
quietly docker network connect --driver-opt com.docker.network.endpoint.ifname=lan7 --driver-opt own=2 fine opted
quietly docker restart -t 0 opted
says '{"com.docker.network.endpoint.ifname":"lan7","own":"2"}' options_of opted fine
says $'eth0\neth1' docker exec opted sh -c 'ls /sys/class/net | grep -v lo'
quietly docker network disconnect fine opted
quietly docker network connect fine opted
says null options_of opted fine
quietly docker rm -f opted
# What clients of this version set on an interface.
says 1 docker run --rm --network other --sysctl net.ipv4.conf.eth0.log_martians=1 busybox cat /proc/sys/net/ipv4/conf/eth0/log_martians

# --- Networks that lead nowhere, that keep their containers apart, and that are not masqueraded.
quietly docker network create --internal --ipv6 --subnet fd91::/64 closed
client locked --network closed
client beside --network closed
quietly docker exec locked sh -c 'ping -c 1 -W 5 beside && ping -6 -c 1 -W 5 beside'
for there in 192.0.2.2 2001:db8::2; do
    fails 1 'unreachable' docker exec locked ping -c 1 -W 2 $there
done
quietly docker network create --ipv6 --subnet fd92::/64 -o com.docker.network.bridge.enable_icc=false apart
client left --network apart
client right --network apart
fails 1 '100% packet loss' docker exec left ping -c 1 -W 1 right
fails 1 '100% packet loss' docker exec left ping -6 -c 1 -W 1 right
quietly docker exec left sh -c 'ping -c 1 -W 5 192.0.2.2 && ping -c 1 -W 5 2001:db8::2'

# --- host, none, another's; who is in use stays, the rest is pruned.
says "$(readlink /proc/self/ns/net)" docker run --rm --network host busybox readlink /proc/self/ns/net
says "$(docker exec first readlink /proc/self/ns/net)" docker run --rm --network container:first busybox readlink /proc/self/ns/net
quietly docker network create idle
matches 'idle' docker network prune -f
says 'apart closed fine other' shell 'echo $(docker network ls -f type=custom --format "{{.Name}}" | sort)'
quietly docker rm -f left right
says apart docker network rm apart

# --- What is told of networks: all that clients read, and events.
since=$(date +%s.%N)
quietly docker network create --subnet 10.94.0.0/24 told
client member --network told --network-alias called -p 80
says 'Attachable ConfigFrom ConfigOnly Containers Created Driver EnableIPv6 IPAM Id Ingress Internal Labels Name Options Scope ' \
    docker network inspect -f '{{range $key, $value := .}}{{$key}} {{end}}' told
says 'member 10.94.0.2/24  02:42:0a:5e:00:02' docker network inspect \
    -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.IPv6Address}} {{.MacAddress}}{{end}}' told
says 'Bridge EndpointID Gateway GlobalIPv6Address GlobalIPv6PrefixLen HairpinMode IPAddress IPPrefixLen IPv6Gateway LinkLocalIPv6Address LinkLocalIPv6PrefixLen MacAddress Networks Ports SandboxID SandboxKey SecondaryIPAddresses SecondaryIPv6Addresses ' \
    get '{{range $key, $value := .NetworkSettings}}{{$key}} {{end}}' member
says '10.94.0.2 24 10.94.0.1 02:42:0a:5e:00:02 [called]' get \
    '{{with .NetworkSettings.Networks.told}}{{.IPAddress}} {{.IPPrefixLen}} {{.Gateway}} {{.MacAddress}} {{.Aliases}}{{end}}' member
says "$(docker network inspect -f '{{.Id}} {{range .Containers}}{{.EndpointID}}{{end}}' told)" get \
    '{{with .NetworkSettings.Networks.told}}{{.NetworkID}} {{.EndpointID}}{{end}}' member
says member docker ps --filter network=told --format '{{.Names}}'
quietly docker network disconnect told member
quietly docker network connect told member
quietly docker rm -f member
quietly docker network rm told
told() { docker events --since "$since" --until "$(date +%s.%N)" --filter type=network "$@"; }
says $'create\nconnect\ndisconnect\nconnect\ndisconnect\ndestroy' told --filter network=told --format '{{.Action}}'
matches 'network connect [0-9a-f]{64} \(container=[0-9a-f]{64}, name=told, type=bridge\)' told --filter event=connect
quietly docker network prune -f
says prune told --filter event=prune --format '{{.Action}}'
finish
