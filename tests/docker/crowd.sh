#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two hundred containers on one network.
# shellcheck source=tests/docker/check.sh
. "${0%/*}/check.sh"
crowd=200
quietly docker network create --subnet 10.96.0.0/24 crowd
seq $crowd | xargs -P 4 -I{} docker run -d --name c{} --network crowd busybox sleep 900 >started
says $crowd shell 'wc -l <started'
says $crowd shell 'docker ps -q --filter network=crowd | wc -l'
says $crowd shell "docker network inspect -f '{{range .Containers}}{{println .IPv4Address}}{{end}}' crowd | grep / | sort -u | wc -l"
quietly docker exec c1 sh -c 'for i in $(seq 1 33 200) 200; do ping -c 1 -W 5 "c$i" || exit 1; done'
says c200.crowd docker exec c1 sh -c "nslookup \$(ping -c 1 c200 | sed -n 's/.*(\([0-9.]*\)).*/\1/p;q') 127.0.0.11 | sed -n 's/.*name = //p'"
fails 1 'has active endpoints' docker network rm crowd
# With all of them gone there is room again, and no interface is left.
quietly shell 'docker ps -aq | xargs docker rm -f'
becomes 0 shell 'ip -o link show type veth | wc -l'
says 10.96.0.2 shell "docker run --rm --network crowd busybox ip -o -4 address show eth0 | sed 's,.*inet \([0-9.]*\)/.*,\1,'"
quietly docker network rm crowd
finish
