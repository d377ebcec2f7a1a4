// SPDX-License-Identifier: Apache-2.0
#include "agent/config/kubelet_config.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

const std::string kHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

KubeletConfig parsed(const std::string &text) { return must(parse_kubelet_config(kHead + text, "f")); }
std::string refused(const std::string &text) { return error_of(parse_kubelet_config(kHead + text, "f")).message; }

} // namespace

TEST_CASE("what kubeadm writes is read without a word", "[agent]") {
    const KubeletConfig config = parsed(R"(cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
  verbosity: 2
memorySwap: {}
nodeStatusReportFrequency: 0s
resolvConf: /run/systemd/resolve/resolv.conf
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
staticPodPath: /etc/kubernetes/manifests
syncFrequency: 0s
volumeStatsAggPeriod: 0s
)");
    REQUIRE(config.warnings.empty());
    REQUIRE(config.static_pod_path == "/etc/kubernetes/manifests");
    REQUIRE(config.cluster_dns == std::vector<std::string>{"10.96.0.10"});
    REQUIRE(config.resolv_conf == "/run/systemd/resolve/resolv.conf");
    REQUIRE(config.file_check_frequency == 20s);
    REQUIRE(config.runtime_request_timeout == 2min);
    REQUIRE(config.runtime_endpoint == kDefaultRuntimeEndpoint);
    REQUIRE(config.verbosity == 2);
}

TEST_CASE("fields of the node's configuration are read", "[agent]") {
    const KubeletConfig config = parsed(R"(fileCheckFrequency: 1m30s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
maxPods: 20
podPidsLimit: 1000
cgroupsPerQOS: false
serializeImagePulls: false
maxParallelImagePulls: 3
crashLoopBackOff: {maxContainerRestartPeriod: 20s}
registerWithTaints:
- {key: dedicated, value: db, effect: NoSchedule}
)");
    REQUIRE(config.file_check_frequency == 90s);
    REQUIRE(must(socket_of(config.runtime_endpoint)) == "/run/containerd/containerd.sock");
    REQUIRE(config.most_pods == 20);
    REQUIRE(config.pod_pids_limit == 1000);
    REQUIRE_FALSE(config.cgroups_per_qos);
    REQUIRE_FALSE(config.serialize_image_pulls);
    REQUIRE(config.most_parallel_pulls == 3);
    REQUIRE(config.most_restart_period == 20s);
    REQUIRE(config.taints == std::vector<Taint>{{"dedicated", "db", "NoSchedule"}});
}

TEST_CASE("certificates may come from the cluster and be renewed", "[agent]") {
    const KubeletConfig config = parsed("serverTLSBootstrap: true\nrotateCertificates: true\n");
    REQUIRE(config.server.cluster_signs);
    REQUIRE(config.rotate_certificates == true);
    REQUIRE(config.warnings.empty());
    REQUIRE(refused("rotateCertificates: often\n") == "f:3:21: \"rotateCertificates\" must be true or false");
}

TEST_CASE("a configuration in JSON is one, too", "[agent]") {
    const KubeletConfig config = must(parse_kubelet_config(
        R"({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 7})", "f"));
    REQUIRE(config.most_pods == 7);
}

TEST_CASE("what has no effect is said with its place", "[agent]") {
    const KubeletConfig config = parsed("topologyManagerPolicy: single-numa-node\nvolumePluginDir: /x\n");
    REQUIRE(config.warnings == std::vector<std::string>{"f:3:24: \"topologyManagerPolicy\" has no effect here",
                                                        "f:4:18: \"volumePluginDir\" has no effect here"});
}

TEST_CASE("errors of the node's configuration name their place", "[agent]") {
    REQUIRE(refused("maxPod: 3\n") == "f:3:9: unknown field \"maxPod\"; did you mean \"maxPods\"?");
    REQUIRE(refused("frobnication: 3\n") == "f:3:15: unknown field \"frobnication\"");
    REQUIRE(refused("maxPods: many\n") == "f:3:10: \"maxPods\" must be a number from 0 to 2147483647");
    REQUIRE(refused("cgroupDriver: cgroupfs\n").starts_with("f:3:15: \"cgroupDriver\" must be systemd"));
    REQUIRE(refused("syncFrequency: 10\n") == "f:3:16: \"syncFrequency\" must be a time like 1m30s");
    REQUIRE(refused("cpuCFSQuota: yes\n") == "f:3:14: \"cpuCFSQuota\" must be true or false");
    REQUIRE(refused("staticPodPath: manifests\n") == "f:3:16: \"staticPodPath\" must be an absolute path");
    REQUIRE(refused("containerRuntimeEndpoint: tcp://1.2.3.4:5\n").starts_with("f:3:27: container runtime endpoint"));
    REQUIRE(refused("logging: {verbose: 1}\n").contains("unknown field \"verbose\""));
    REQUIRE(refused("registerWithTaints: [{key: a, effect: Never}]\n").contains("a taint has a key and an effect"));
}

TEST_CASE("another kind of file is refused", "[agent]") {
    const std::string message =
        error_of(parse_kubelet_config("apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n", "f"))
            .message;
    REQUIRE(message == "f:1:13: \"apiVersion\" must be kubelet.config.k8s.io/v1beta1");
    REQUIRE(error_of(parse_kubelet_config("maxPods: 3\n", "f")).message.contains("\"apiVersion\" is missing"));
}
