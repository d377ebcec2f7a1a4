// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peer_runtime.h"

namespace ballast::bench {
namespace {

// As Kubernetes' documents have it: runc with systemd's cgroups. There is no pause image in Debian: the sandboxes wait
// in the payload.
std::string configuration(const std::string &place) {
    return "version = 2\n"
           "root = \"" +
           place +
           "/containerd\"\n"
           "state = \"/run/peer/containerd\"\n"
           "[grpc]\n"
           "address = \"" +
           std::string(kPeerSocket) +
           "\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
           "sandbox_image = \"docker.io/library/bench-pause:latest\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
           "bin_dir = \"/usr/lib/cni\"\n"
           "conf_dir = \"/run/peer/cni\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
           "runtime_type = \"io.containerd.runc.v2\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
           "SystemdCgroup = true\n";
}

} // namespace

std::string import_payload(const std::string &place) {
    return "tar -C " + place + " -c payload | docker import - bench >/dev/null\n";
}

std::string start_peer_runtime(const std::string &place) {
    return "set -e; mkdir -p /run/peer/cni\n"
           "sed 's/ballast-pods/peer-pods/; s/10[.]85[.]/10.86./; s#/run/ballast/#/run/peer/#' "
           "/usr/lib/ballast/cni/pods.conflist >/run/peer/cni/10-pods.conflist\n"
           "cat >/run/peer/config.toml <<'END'\n" +
           configuration(place) +
           "END\n"
           "systemd-run --quiet --unit peer-containerd --property Delegate=yes "
           "containerd --config /run/peer/config.toml\n" +
           import_payload(place) + "tar -C " + place +
           " -c payload | docker import --change 'ENTRYPOINT [\"/payload\", \"sleep\"]' - bench-pause >/dev/null\n"
           "docker save -o /run/peer/images.tar bench:latest bench-pause:latest\n"
           "peer='ctr --address /run/peer/containerd.sock --namespace k8s.io'\n"
           "for i in $(seq 120); do $peer version >/dev/null 2>&1 && break; sleep 1; done\n"
           "$peer images import /run/peer/images.tar >/dev/null\n"
           "rm /run/peer/images.tar; docker rmi bench-pause >/dev/null\n";
}

} // namespace ballast::bench
