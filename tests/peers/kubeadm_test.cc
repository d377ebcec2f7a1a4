// SPDX-License-Identifier: Apache-2.0
// A machine of the image joins a cluster as its administrator does it by hand: `kubeadm join`, from $BALLAST_PEERS.
#include <catch2/catch_test_macros.hpp>
#include <format>

#include "tests/peers/guest_node.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr const char *kKubeadm = "/var/lib/peers/kubeadm";

// What `kubeadm init` would leave in the cluster, of which the control plane here has everything else.
constexpr const char *kCluster = R"yaml(
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{{token: abcdef.0123456789abcdef}}]
localAPIEndpoint: {{advertiseAddress: "{1}"}}
nodeRegistration: {{name: host, criSocket: "unix:///run/ballast/cri.sock"}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {0}
controlPlaneEndpoint: "{1}:{2}"
networking: {{serviceSubnet: 10.96.0.0/16, dnsDomain: cluster.local}}
)yaml";

constexpr const char *kPod = R"yaml(
apiVersion: v1
kind: Pod
metadata: {name: said}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: inside, imagePullPolicy: Never, command: [/inside, say, "3"]}]
)yaml";

class JoiningNode : public GuestNode {
  public:
    JoiningNode() : GuestNode([](const fs::path &) {}) {
        must(machine.copy_in(peer_program("kubernetes", "kubeadm"), kKubeadm));
        must(machine.copy_in(BALLAST_INSIDE_PROGRAM, "/var/lib/peers/inside"));
        run(machine, "tar -C /var/lib/peers -c inside | docker import - inside");
        prepare_cluster();
    }

    // By the hash of the authority's key, as `kubeadm token create --print-join-command` writes it.
    std::string join_command() const {
        const std::string key = must(run_checked(
            {.arguments = {"sh", "-c",
                           "openssl x509 -pubkey -noout -in \"$1\" | openssl pkey -pubin -outform der | sha256sum",
                           "sh", plane.path("ca.crt")}}));
        return std::format("{} join {}:{} --node-name node --cri-socket unix:///run/ballast/cri.sock "
                           "--token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:{} 2>&1",
                           kKubeadm, kHostOfGuests, control_plane::ControlPlane::kPort, key.substr(0, key.find(' ')));
    }

  private:
    void prepare_cluster() const {
        must(write_file(path("cluster.yaml"), std::format(kCluster, std::format("v1.{}.0", plane.minor()),
                                                          kHostOfGuests, control_plane::ControlPlane::kPort)));
        for (const std::vector<std::string> &phase :
             {std::vector<std::string>{"upload-config", "all"}, std::vector<std::string>{"bootstrap-token"}}) {
            std::vector<std::string> words{peer_program("kubernetes", "kubeadm"), "init", "phase"};
            words.insert(words.end(), phase.begin(), phase.end());
            words.insert(words.end(), {"--config", path("cluster.yaml"), "--kubeconfig", plane.path("admin.conf")});
            must(run_checked({.arguments = std::move(words)}));
        }
        // The address that nodes know it by.
        std::string info = plane.output_of({"-n", "kube-public", "get", "configmap", "cluster-info", "-o", "yaml"});
        constexpr std::string_view kHere = "127.0.0.1";
        info.replace(info.find(kHere), kHere.size(), kHostOfGuests);
        plane.apply(info);
    }
};

} // namespace

TEST_CASE("kubeadm makes a node of a machine", "[peers][vm]") {
    for (const char *program : {"kubeadm", "kube-apiserver"}) { // before all that takes time
        (void)peer_program("kubernetes", program);
    }
    JoiningNode node;
    CHECK(run(node.machine, "systemctl is-active kubelet || true") == "inactive\n");
    const std::string said = run(node.machine, node.join_command());
    INFO(said);
    CHECK(said.contains("This node has joined the cluster"));
    node.until_ready();
    CHECK(run(node.machine, "systemctl is-active kubelet ballast-agent") == "active\nactive\n");
    node.plane.apply(kPod);
    node.until([&] { return node.get("pod/said", "{.status.phase}") == "Running"; }, "a pod runs");
    node.until([&] { return node.plane.output_of({"logs", "said"}) == "1\n2\n3\n"; }, "and says what it says");

    // It is the same node after a restart, without kubeadm.
    must(node.machine.reboot());
    node.until([&] { return node.get("pod/said", "{.status.containerStatuses[0].restartCount}") == "1"; },
               "its pod runs again");
    // And leaves as it came.
    (void)run(node.machine, std::string(kKubeadm) + " reset -f --cri-socket unix:///run/ballast/cri.sock 2>&1");
    CHECK(run(node.machine, "systemctl is-active kubelet || true") == "inactive\n");
    CHECK(run(node.machine, "docker ps -aq").empty());
    CHECK(run(node.machine, "ls /etc/kubernetes").find("kubelet.conf") == std::string::npos);
}

} // namespace ballast::peers
