// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cluster_node.h"

#include <format>

#include "base/file_io.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/peer_runtime.h"
#include "tests/images/sources.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPlace = "/var/lib/ballast-bench";
constexpr unsigned kMemory = 4096; // MiB: a hundred and ten shims hold over 2 GiB

// As kubeadm writes it where it says something else than kubelet's defaults.
constexpr const char *kKubeletConfiguration = R"(apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
containerRuntimeEndpoint: unix://{}
failSwapOn: false
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}}}
authorization: {{mode: Webhook}}
)";

Result<fs::path> kubelet() {
    const fs::path file = control_plane::newer_programs() / "kubelet";
    if (!fs::exists(file)) {
        return fail(ENOENT, "BALLAST_PEERS has no kubernetes/kubelet");
    }
    return file;
}

} // namespace

Result<vm::Machine> ClusterNode::boot(const Settings &settings, const std::string &name) {
    vm::MachineOptions options = TRY(machine_of(settings, "test", fs::path("node") / name));
    options.memory = kMemory;
    vm::Machine machine = TRY(vm::Machine::boot(std::move(options)).within("boot " + name));
    for (const char *program : {"ballast-node-measure", "payload"}) {
        TRY(machine.copy_in(images::own_directory() / program, fs::path(kPlace) / program));
    }
    return machine;
}

Status ClusterNode::give_credentials(const control_plane::Servers &servers, const fs::path &to) {
    const fs::path own = TRY(servers.kubeconfig("system:node:" + name_, "system:nodes"));
    std::string text = TRY(
        run_checked({.arguments = {"kubectl", "--kubeconfig", own.string(), "config", "view", "--flatten", "--raw"}}));
    constexpr std::string_view kHere = "127.0.0.1";
    const std::size_t at = text.find(kHere);
    if (at == std::string::npos) {
        return fail(EPROTO, own.string() + " does not name " + std::string(kHere));
    }
    text.replace(at, kHere.size(), kHostOfGuests);
    const fs::path file = servers.path(name_ + ".flat.conf");
    TRY(write_file(file, text));
    return machine_.copy_in(file, to);
}

Result<ClusterNode> ClusterNode::ours(const Settings &settings, const control_plane::Servers &servers) {
    ClusterNode node("ballast", {"ballast-agent", "ballastd", "ballast-monitor", "ballast-updater"},
                     TRY(boot(settings, "ballast")));
    TRY(node.give_credentials(servers, "/etc/kubernetes/kubelet.conf"));
    (void)TRY(node.machine_
                  .run_checked(import_payload(kPlace) +
                               "echo KUBELET_EXTRA_ARGS=--hostname-override=ballast >/etc/default/kubelet\n"
                               "systemctl start kubelet")
                  .within("start the agent"));
    return node;
}

Result<ClusterNode> ClusterNode::theirs(const Settings &settings, const control_plane::Servers &servers) {
    const fs::path program = TRY(kubelet());
    ClusterNode node("kubelet", {"kubelet", "containerd", "containerd-shim"}, TRY(boot(settings, "kubelet")));
    const fs::path place = kPlace;
    TRY(node.give_credentials(servers, place / "kubelet.conf"));
    TRY(node.machine_.copy_in(program, place / "kubelet"));
    TRY(write_file(servers.path("kubelet.yaml"), std::format(kKubeletConfiguration, kPeerSocket)));
    TRY(node.machine_.copy_in(servers.path("kubelet.yaml"), place / "kubelet.yaml"));
    (void)TRY(node.machine_
                  .run_checked(start_peer_runtime(kPlace) +
                               "systemd-run --quiet --unit peer-kubelet --property Delegate=yes " + kPlace +
                               "/kubelet --hostname-override=kubelet --kubeconfig=" + kPlace +
                               "/kubelet.conf --config=" + kPlace + "/kubelet.yaml --root-dir=" + kPlace + "/node")
                  .within("start kubelet"));
    return node;
}

Result<EngineSamples> ClusterNode::processes() {
    Command command{.arguments = {(fs::path(kPlace) / "ballast-node-measure").string()}};
    command.arguments.insert(command.arguments.end(), processes_.begin(), processes_.end());
    std::vector<EngineSamples> all = TRY(engine_samples_from_json(TRY(machine_.run_checked(command.describe()))));
    return all.empty() ? EngineSamples{} : std::move(all.front());
}

} // namespace ballast::bench
