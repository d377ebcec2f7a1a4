# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What scripts about networks share, beside check.sh: a neighbour of the host's in a network namespace, "outside", at
# 192.0.2.2 and 2001:db8::2, where the host is .1 and ::1. REACH names the program `reach`, which containers have as
# /reach.
: "${REACH:?}"
REACH=$(realpath "$REACH")
world=world-$$
leave() {
    ip link del uplink0 2>/dev/null
    ip netns del "$world" 2>/dev/null
}
trap leave EXIT
in_world() { ip netns exec "$world" "$@"; }
ip netns add "$world"
ip link add uplink0 type veth peer name outer netns "$world"
ip addr add 192.0.2.1/24 dev uplink0
ip addr add 2001:db8::1/64 dev uplink0 nodad
ip link set uplink0 up
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
client() { background --name "$1" --init -v "$REACH:/reach:ro" "${@:2}" busybox sleep 900; }
background() { quietly docker run -d "$@"; }
address() { get "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
address6() { get "{{(index .NetworkSettings.Networks \"$2\").GlobalIPv6Address}}" "$1"; }
gateway() { docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$1"; }

protocols='tcp udp'
# shellcheck disable=SC2034 # the scripts read it
"$REACH" has sctp && protocols+=' sctp'

# asks WHO... <<TABLE: of each line ADDRESS PORT ANSWER, who asks there by each of $protocols has that answer, now or
# soon. All are asked at once. ANSWER is an extended regular expression: where the server sees the one who asks, or
# "nothing".
asks() {
    local words=() wanted=() missed='' try i address port answer protocol
    while read -r address port answer; do
        for protocol in $protocols; do
            words+=("$protocol" "$address" "$port")
            wanted+=("$answer")
        done
    done
    checks=$((checks + ${#wanted[@]}))
    for ((try = 0; try < 10; try++)); do
        mapfile -t answers < <("$@" "${words[@]}" 2>errors </dev/null)
        missed=''
        for ((i = 0; i < ${#wanted[@]}; i++)); do
            [[ ${answers[i]:-} =~ ^(${wanted[i]})$ ]] ||
                missed+=" [${words[*]:$((i * 3)):3}: '${answers[i]:-}', not '${wanted[i]}']"
        done
        [ -n "$missed" ] || return
        sleep 0.5
    done
    wrong "'$*'$missed $(tail -n 1 errors)"
}
